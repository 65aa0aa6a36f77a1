"""The same picture twice: other sizes, crops, encodings, brightness, a watermark, mirrored.

`fingerprint.py` says what is stored of a picture, `same_picture.py` whether two are the same, `library.py` which
pictures are known already, `marking.py` which of them stays.
"""
