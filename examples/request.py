#!/usr/bin/env python3
"""Any request that `linnet serve` answers, in a program of Python and without a server.

    request.py LIBLINNET.so MODEL.gguf PATH ['{"json": ...}']
    request.py ~/linnet/lib/liblinnet.so model.gguf /v1/completions '{"prompt": "Once", "stream": true}'
"""
import ctypes
import json
import sys

TAKE_TEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t, ctypes.c_void_p)


class Model:
    """A model in this process. Threads may share it: their texts are computed side by side."""

    def __init__(self, library, path):
        self.library = ctypes.CDLL(library)
        self.library.linnet_open.restype = ctypes.c_void_p
        self.library.linnet_close.argtypes = self.library.linnet_free.argtypes = [ctypes.c_void_p]
        error = ctypes.c_void_p()
        self.handle = self.library.linnet_open(path.encode(), None, ctypes.byref(error))
        if not self.handle:
            raise RuntimeError(self._take(error))

    def close(self):
        self.library.linnet_close(self.handle)

    def request(self, path, body=None, on_event=None):
        """The reply as Python has it; `on_event` is called with each event where the answer is streamed."""
        text = None if body is None else json.dumps(body).encode()
        take = TAKE_TEXT(lambda data, size, _: on_event(json.loads(data[:size])) is not False)
        status, reply, size, error = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_void_p()
        failed = self.library.linnet_request(
            ctypes.c_void_p(self.handle), path.encode(), text, ctypes.c_size_t(len(text or b"")),
            take if on_event else TAKE_TEXT(), None, ctypes.byref(status), ctypes.byref(reply),
            ctypes.byref(size), ctypes.byref(error))
        if failed:
            raise RuntimeError(self._take(error))
        text = self._take(reply)
        return json.loads(text) if text else None

    def _take(self, pointer):
        text = ctypes.string_at(pointer).decode()
        self.library.linnet_free(pointer)
        return text


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    body = json.loads(sys.argv[4]) if len(sys.argv) == 5 else None
    try:
        model = Model(sys.argv[1], sys.argv[2])
        reply = model.request(sys.argv[3], body, on_event=lambda event: print(json.dumps(event), flush=True))
        model.close()
    except RuntimeError as error:
        sys.exit(str(error))
    if reply is not None:
        print(json.dumps(reply, indent=1))
