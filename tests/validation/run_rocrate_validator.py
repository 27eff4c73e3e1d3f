"""Run rocrate-validator offline on crates, and print its issues as JSON.

A program of its own, because rocrate-validator may live in another environment:

    python run_rocrate_validator.py [--profile ID] [--severity NAME] CONTEXTS PROFILES CRATE…
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path


def seed_cache(contexts: Path, cache: Path) -> None:
    """Put RO-Crate's contexts into the cache file that the validator reads when it is offline."""
    import requests
    from requests.adapters import BaseAdapter
    from requests_cache import CachedSession
    from urllib3.response import HTTPResponse

    class Shipped(BaseAdapter):
        def send(self, request, **_):
            version = request.url.split("/crate/")[1].split("/")[0]
            response = requests.Response()
            response.status_code = 200
            response.url, response.request = request.url, request
            response.headers["Content-Type"] = "application/ld+json"
            body = (contexts / f"{version}.jsonld").read_bytes()
            response.raw = HTTPResponse(
                io.BytesIO(body), status=200, headers=response.headers, preload_content=False, request_url=request.url
            )
            return response

        def close(self):
            pass

    session = CachedSession(cache_name=str(cache), expire_after=-1, backend="sqlite", allowable_methods=("GET",))
    session.mount("https://w3id.org/", Shipped())
    for version in ("1.1", "1.2", "1.3"):
        for headers in ({"Accept": "application/ld+json, application/json"}, {"Accept": "application/ld+json"}, {}):
            session.get(f"https://w3id.org/ro/crate/{version}/context", headers=headers)
    session.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", default="biocodes-crate")
    parser.add_argument("--severity", default="RECOMMENDED")
    parser.add_argument("paths", nargs="+", type=Path)
    asked = parser.parse_args()
    contexts, profiles, *crates = (path.resolve() for path in asked.paths)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        seed_cache(contexts, cache)
        found = [validate(crate, profiles, cache, asked.profile, asked.severity) for crate in crates]
    json.dump(found, sys.stdout)


def validate(crate: Path, profiles: Path, cache: Path, profile: str, severity: str) -> dict:
    """Validate a crate, or a metadata file as metadata only; recommendations too."""
    from rocrate_validator import services
    from rocrate_validator.models import Severity, ValidationSettings

    settings = ValidationSettings(
        rocrate_uri=crate if crate.is_dir() else crate.parent,
        extra_profiles_path=profiles,
        profile_identifier=profile,
        requirement_severity=Severity[severity],
        metadata_only=crate.is_file(),
        offline=True,
        cache_path=cache,
    )
    try:
        if crate.is_dir():
            result = services.validate(settings)
        else:
            result = services.validate_metadata_as_dict(json.loads(crate.read_text(encoding="utf-8")), settings)
    except Exception as error:  # it does not survive every broken crate
        return {"passed": False, "crashed": str(error), "issues": []}
    issues = [
        {
            "severity": issue.severity.name,
            "check": issue.check.identifier,
            "name": issue.check.name,
            "entity": str(issue.violatingEntity),
            "message": issue.message,
        }
        for issue in result.get_issues(Severity[severity])
    ]
    checked = Counter(check.severity.name for check in result.executed_checks)
    return {"passed": result.passed(Severity[severity]), "issues": issues, "checked": checked}


if __name__ == "__main__":
    main()
