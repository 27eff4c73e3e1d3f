"""A small memory of decoded blocks, so that one which spans several planes is decoded once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from biocodes_crate.images.model import Pixels

MAX_BYTES = 256 * 2**20


class BlockCache:
    """Least recently used blocks, bounded in bytes, shared by threads; a block is made by one thread at a time."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._blocks: OrderedDict[Hashable, Pixels] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Pixels]) -> Pixels:
        """The block of this key, made if it is not there. Do not write into it."""
        with self._lock:
            block = self._found(key)
            if block is not None:
                return block
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                block = self._found(key)
            if block is None:
                try:
                    block = make()
                finally:
                    with self._lock:
                        self._making.pop(key, None)
                with self._lock:
                    self._keep(key, block)
            return block

    def get_unless_busy(self, key: Hashable, make: Callable[[], Pixels]) -> Pixels | None:
        """The block of this key; None while another thread makes it."""
        with self._lock:
            block = self._found(key)
            if block is not None:
                return block
            if key in self._making:
                return None
        return self.get(key, make)

    def _found(self, key: Hashable) -> Pixels | None:
        block = self._blocks.get(key)
        if block is not None:
            self._blocks.move_to_end(key)
        return block

    def _keep(self, key: Hashable, block: Pixels) -> None:
        if key in self._blocks or block.nbytes > self._max_bytes:
            return
        self._blocks[key] = block
        self._bytes += block.nbytes
        while self._bytes > self._max_bytes:
            _, old = self._blocks.popitem(last=False)
            self._bytes -= old.nbytes


shared_blocks = BlockCache()
"""One for all images: a study may have thousands open, and memory is bounded for all of them together."""
