#!/usr/bin/env python3
"""Any request that `linnet serve` answers, in a program of Python and without a server.

    request.py LIBLINNET.so MODEL.gguf PATH ['{"json": ...}']
    request.py ~/linnet/lib/liblinnet.so model.gguf /v1/completions '{"prompt": "Once", "stream": true}'
"""
import ctypes
import json
import os
import sys

TAKE_TEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t, ctypes.c_void_p)


class Model:
    """A model in this process. Threads may share it: their texts are computed side by side."""

    def __init__(self, library, path):
        self.library = ctypes.CDLL(library)
        self.library.linnet_open.restype = ctypes.c_void_p
        self.library.linnet_close.argtypes = self.library.linnet_free.argtypes = [ctypes.c_void_p]
        error = ctypes.c_void_p()
        self.handle = self.library.linnet_open(os.fsencode(path), None, ctypes.byref(error))
        if not self.handle:
            raise RuntimeError(self._take(error))

    def close(self):
        handle, self.handle = self.handle, None
        self.library.linnet_close(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, path, body=None, on_event=None):
        """The HTTP status and the text of the reply. `on_event` is called with each event of an answer
        that is streamed; what it raises ends the answer and comes out here, and so does Ctrl-C."""
        text = None if body is None else json.dumps(body).encode()
        raised = []

        def take(data, size, _):
            try:
                if size and on_event:
                    on_event(json.loads(data[:size]))
            except BaseException as error:
                raised.append(error)
            return not raised

        status, reply, size, error = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_void_p()
        failed = self.library.linnet_request(
            ctypes.c_void_p(self.handle), path.encode(), text, ctypes.c_size_t(len(text or b"")),
            TAKE_TEXT(take), None, ctypes.byref(status), ctypes.byref(reply), ctypes.byref(size),
            ctypes.byref(error))
        if raised:
            self.library.linnet_free(reply)
            raise raised[0]
        if failed:
            raise RuntimeError(self._take(error))
        return status.value, self._take(reply)

    def _take(self, pointer):
        text = ctypes.string_at(pointer).decode()
        self.library.linnet_free(pointer)
        return text


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    body = json.loads(sys.argv[4]) if len(sys.argv) == 5 else None
    try:
        with Model(sys.argv[1], sys.argv[2]) as model:
            status, reply = model.request(sys.argv[3], body, lambda event: print(json.dumps(event), flush=True))
    except RuntimeError as error:
        sys.exit(str(error))
    if reply:
        print(reply)
    sys.exit(0 if status < 400 else 1)
