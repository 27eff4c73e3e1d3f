"""What figure files say of their making: XMP, EXIF, IPTC, document information, C2PA."""

import base64
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
import tifffile
from c2pa_writing import FULL, IPTC, NAMES, STORE, TRAINED, app11, manifest, png_chunk, store, superbox, xmp
from figure_drawing import micrograph
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from pptx import Presentation
from pptx.util import Emu

from biocodes_crate.figures import open_figure
from biocodes_crate.figures.content_credentials import find_credentials, join_segments
from biocodes_crate.figures.xmp import digital_source_term, read_xmp
from biocodes_crate.study.manifest import DeclaredFigure, DeclaredPanel

PICTURE = Image.fromarray(micrograph(1, 200, 160))


@pytest.mark.parametrize(
    "packet",
    [
        xmp(f"<Iptc4xmpExt:DigitalSourceType>{TRAINED}</Iptc4xmpExt:DigitalSourceType>"),
        xmp(f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{TRAINED}"/>'),
        xmp("", f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"'),
        xmp(f"<Iptc4xmpExt:DigitalSourceType>\n {TRAINED}/\n</Iptc4xmpExt:DigitalSourceType>"),
        xmp("", 'Iptc4xmpExt:DigitalSourceType="trainedAlgorithmicMedia"'),
        xmp("", 'Iptc4xmpExt:DigitalSourceType="http://schema.org/TrainedAlgorithmicMediaDigitalSource"'),
        xmp("", f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"').encode("utf-8") + b" " * 2000 + b"\0",
        xmp("", f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"').encode("utf-16"),
        xmp("", f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"').encode("utf-16-be"),
        xmp("", f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"').encode("utf-32"),
    ],
)
def test_a_digital_source_type_is_read_however_xmp_writes_it(packet: str | bytes) -> None:
    assert read_xmp([packet]).digital_source == "trainedAlgorithmicMedia"


@pytest.mark.parametrize(
    "packet",
    [
        xmp("", 'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/madeUpMedia"'),
        xmp("", 'Iptc4xmpExt:DigitalSourceType=""'),
        xmp("<Iptc4xmpExt:DigitalSourceType/>"),
        FULL[:-80],
        "<a",
        b"\xff\xfe\x00",
        '<!DOCTYPE x [<!ENTITY a "trainedAlgorithmicMedia">]>'
        '<x xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><i:DigitalSourceType>&a;</i:DigitalSourceType></x>',
    ],
)
def test_what_is_no_digital_source_type_is_left_out(packet: str | bytes) -> None:
    assert read_xmp([packet]).digital_source is None


def test_terms_of_schema_org_become_those_of_the_iptc() -> None:
    assert digital_source_term("https://schema.org/DigitalCaptureDigitalSource") == "digitalCapture"
    assert digital_source_term("http://schema.org/MultiFrameComputationalCaptureDigitalSource") == (
        "computationalCapture"
    )
    assert digital_source_term("https") is None


def save_with_xmp(path: Path) -> Path:
    """A figure with the packet, as the format holds it."""
    match path.suffix:
        case ".png":
            about = PngImagePlugin.PngInfo()
            about.add_itxt("XML:com.adobe.xmp", FULL, zip=path.stem == "packed")
            PICTURE.save(path, pnginfo=about)
        case ".jpg":
            PICTURE.save(path, xmp=FULL.encode())
        case ".tif":
            tifffile.imwrite(
                path,
                np.asarray(PICTURE),
                photometric="rgb",
                metadata=None,
                software=False,
                extratags=[(700, 1, None, FULL.encode(), True)],
            )
        case ".svg":
            uri = base64.b64encode(saved("PNG")).decode()
            inner = FULL[FULL.index("<x:") : FULL.index("<?xpacket end")]
            path.write_text(
                '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="160">'
                f"<metadata>{inner}</metadata>"
                f'<image width="200" height="160" href="data:image/png;base64,{uri}"/></svg>'
            )
        case ".pdf":
            path.write_bytes(pdf_with_xmp(FULL.encode(), packed=path.stem == "packed"))
    return path


def saved(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    PICTURE.save(buffer, format=kind, **options)
    return buffer.getvalue()


def pdf_with_xmp(packet: bytes, *, packed: bool = False, image_packet: bytes | None = None) -> bytes:
    """A page with an image, and metadata of the document; `image_packet` is the image's own."""

    def stream(about: bytes, data: bytes, zipped: bool) -> bytes:
        data = zlib.compress(data) if zipped else data
        filters = b" /Filter /FlateDecode" if zipped else b""
        return b"<< %s%s /Length %d >>\nstream\n%s\nendstream" % (about, filters, len(data), data)

    pixels = np.asarray(PICTURE).tobytes()
    content = b"q 200 0 0 160 0 0 cm /Im Do Q"
    owned = b"/Metadata 7 0 R" if image_packet is not None else b""
    image = b"/Type /XObject /Subtype /Image /Width 200 /Height 160 /ColorSpace /DeviceRGB /BitsPerComponent 8 " + owned
    of_metadata = b"/Type /Metadata /Subtype /XML"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R /Metadata 6 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 160] /Contents 4 0 R "
        b"/Resources << /XObject << /Im 5 0 R >> >> >>",
        stream(b"", content, False),
        stream(image, pixels, True),
        stream(of_metadata, packet, packed),
        stream(of_metadata, image_packet or b"", packed),
    ]
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    at = len(out)
    out += b"xref\n0 8\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer << /Root 1 0 R /Size 8 >>\nstartxref\n%d\n%%%%EOF\n" % at


@pytest.mark.parametrize("name", ["a.png", "packed.png", "a.jpg", "a.tif", "a.svg", "a.pdf", "packed.pdf"])
def test_xmp_is_read_from_every_format(tmp_path: Path, name: str) -> None:
    found = open_figure(save_with_xmp(tmp_path / name)).properties
    assert found["digital_source"] == "trainedAlgorithmicMedia"
    assert found["software"] == "Adobe Photoshop 26.1"
    assert found["creators"] == ("Ada Lovelace", "Grace Hopper")
    assert "content_credentials" not in found


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.svg", "a.pdf"])
def test_the_manifest_wins_over_xmp(tmp_path: Path, name: str) -> None:
    declared = DeclaredFigure(name, digital_source="digitalCapture")
    assert open_figure(save_with_xmp(tmp_path / name), declared).properties["digital_source"] == "digitalCapture"


def test_metadata_of_an_image_in_a_pdf_is_not_the_figures(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    mine = xmp("", 'xmp:CreatorTool="InDesign"').encode()
    path.write_bytes(pdf_with_xmp(mine, image_packet=FULL.encode()))
    assert open_figure(path).properties == {"software": "InDesign"}


def test_xmp_that_is_longer_than_a_segment_of_a_jpeg_is_read(tmp_path: Path) -> None:
    packet, parts = FULL.encode(), b""
    for start in range(0, len(packet), 300):
        body = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32
        body += struct.pack(">II", len(packet), start) + packet[start : start + 300]
        parts += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    plain = saved("JPEG")
    (tmp_path / "a.jpg").write_bytes(plain[:2] + parts + plain[2:])
    assert open_figure(tmp_path / "a.jpg").properties["digital_source"] == "trainedAlgorithmicMedia"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_exif_names_software_and_artists(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[0x0131], exif[0x013B] = "ImageJ 1.54f", "Ada Lovelace; Grace Hopper"
    PICTURE.save(tmp_path / name, exif=exif)
    found = open_figure(tmp_path / name).properties
    assert (found["software"], found["creators"]) == ("ImageJ 1.54f", ("Ada Lovelace", "Grace Hopper"))


def test_texts_of_a_png_name_software_and_author(tmp_path: Path) -> None:
    about = PngImagePlugin.PngInfo()
    about.add_text("Software", "Matplotlib version3.10.0, https://matplotlib.org/")
    about.add_text("Author", "Ada Lovelace")
    PICTURE.save(tmp_path / "a.png", pnginfo=about)
    found = open_figure(tmp_path / "a.png").properties
    assert found["software"].startswith("Matplotlib")
    assert found["creators"] == ("Ada Lovelace",)


def test_iptc_records_name_the_author(tmp_path: Path) -> None:
    """IPTC-IIM 4.2: By-line is dataset 2:80, Originating Program 2:65."""

    def dataset(number: int, value: bytes) -> bytes:
        return b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(value)) + value

    records = dataset(80, b"Ada Lovelace") + dataset(65, b"FotoStation")
    resource = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(records)) + records
    resource += b"\0" * (len(records) % 2)
    plain = saved("JPEG")
    segment = b"\xff\xed" + struct.pack(">H", len(resource) + 2) + resource
    (tmp_path / "a.jpg").write_bytes(plain[:2] + segment + plain[2:])
    found = open_figure(tmp_path / "a.jpg").properties
    assert (found["software"], found["creators"]) == ("FotoStation", ("Ada Lovelace",))


def deck(path: Path, blob: bytes) -> Path:
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    slide.shapes.add_picture(io.BytesIO(blob), Emu(914400), Emu(914400), width=Emu(5 * 914400))
    made.core_properties.author = "Ada Lovelace"
    made.save(str(path))
    return path


def test_a_presentation_names_its_author_and_program(tmp_path: Path) -> None:
    found = open_figure(deck(tmp_path / "a.pptx", saved("PNG"))).properties
    assert found["creators"] == ("Ada Lovelace",)
    assert "PowerPoint" in found["software"]


def test_pictures_in_documents_keep_their_own_digital_source(tmp_path: Path) -> None:
    path = deck(tmp_path / "a.pptx", saved("JPEG", xmp=FULL.encode()))
    figure = open_figure(path)
    assert figure.pages[0].panels[0].digital_source == "trainedAlgorithmicMedia"
    assert "digital_source" not in figure.properties
    # The manifest goes before the file, of the figure as of the panel.
    (panel,) = open_figure(path, DeclaredFigure("a.pptx", digital_source="digitalCapture")).pages[0].panels
    assert panel.digital_source is None
    declared = DeclaredFigure("a.pptx", panels=(DeclaredPanel(box=tuple(panel.box), digital_source="print"),))
    assert open_figure(path, declared).pages[0].panels[0].digital_source == "print"


def save_with_c2pa(path: Path) -> Path:
    match path.suffix:
        case ".png":
            plain = saved("PNG")
            at = -12 if path.stem == "behind" else 33
            path.write_bytes(plain[:at] + png_chunk(b"caBX", STORE) + plain[at:])
        case ".jpg":
            plain = saved("JPEG")
            path.write_bytes(plain[:2] + app11(STORE) + plain[2:])
        case ".tif":
            tags = [(52545, 7, len(STORE), STORE, True)]
            tifffile.imwrite(path, np.asarray(PICTURE), photometric="rgb", metadata=None, extratags=tags)
        case ".svg":
            path.write_text(
                '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><metadata>'
                f'<c2pa:manifest xmlns:c2pa="http://c2pa.org/manifest">{base64.b64encode(STORE).decode()}</c2pa:manifest>'
                "</metadata></svg>"
            )
        case ".pptx":
            deck(path, saved("PNG"))
            with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
                archive.writestr("META-INF/content_credential.c2pa", STORE)
        case ".pdf":
            attached = b"8 0 obj\n<< /Type /EmbeddedFile /Subtype /application#2Fc2pa /Length %d >>\nstream\n%s\nendstream\nendobj\n"
            plain = pdf_with_xmp(b"")
            at = plain.index(b"xref\n0 8")
            path.write_bytes(plain[:at] + attached % (len(STORE), STORE) + plain[at:])
    return path


@pytest.mark.parametrize("name", ["a.png", "behind.png", "a.jpg", "a.tif", "a.svg", "a.pptx", "a.pdf"])
def test_content_credentials_are_found_and_named_in_every_format(tmp_path: Path, name: str) -> None:
    """C2PA 2.1, appendix A: where a manifest store is embedded."""
    found = open_figure(save_with_c2pa(tmp_path / name)).properties
    assert found["content_credentials"] == NAMES
    assert found["digital_source"] == "trainedAlgorithmicMedia"  # what the active manifest says


def test_a_pdf_may_have_its_credentials_attached(tmp_path: Path) -> None:
    (tmp_path / "plain.pdf").write_bytes(pdf_with_xmp(b""))
    document = pypdfium2.PdfDocument(tmp_path / "plain.pdf")
    document.new_attachment("manifest.c2pa").set_data(STORE)
    document.save(tmp_path / "a.pdf")
    document.close()
    assert open_figure(tmp_path / "a.pdf").properties["content_credentials"] == NAMES


def test_credentials_elsewhere_are_known_without_a_name(tmp_path: Path) -> None:
    """C2PA 2.1, §11.5: XMP's dcterms:provenance refers to a manifest that is not in the file."""
    PICTURE.save(tmp_path / "a.jpg", xmp=xmp("", 'dcterms:provenance="https://example.org/m.c2pa"').encode())
    assert open_figure(tmp_path / "a.jpg").properties["content_credentials"] == ()


def test_other_jumbf_is_no_content_credential() -> None:
    assert find_credentials([superbox("786D6C20-0011-0010-8000-00AA00389B71", "other")]) is None
    assert find_credentials([b"c2pa jumb"]) is None
    assert find_credentials([]) is None


def test_a_file_that_merely_mentions_c2pa_has_no_credentials(tmp_path: Path) -> None:
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "jumb c2pa jumd")
    PICTURE.save(tmp_path / "a.png", pnginfo=about)
    assert "content_credentials" not in open_figure(tmp_path / "a.png").properties


def test_sources_that_disagree_within_a_manifest_say_nothing() -> None:
    both = manifest("urn:c2pa:x", TRAINED + " " + IPTC + "digitalCapture")
    found = find_credentials([store(both)])
    assert found is not None
    assert found.digital_source is None


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), cut=st.integers(0, len(STORE)), at=st.integers(0, len(STORE)))
def test_damaged_credentials_do_no_harm(data: bytes, cut: int, at: int) -> None:
    find_credentials([data, STORE[:cut], STORE[:at] + data + STORE[at:]])
    find_credentials(join_segments([b"JP" + data, data]))


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, len(FULL)), noise=st.text(max_size=20))
def test_damaged_xmp_does_no_harm(cut: int, noise: str) -> None:
    read_xmp([FULL[:cut] + noise + FULL[cut:], (FULL[:cut] + noise).encode("utf-8", "replace")])
