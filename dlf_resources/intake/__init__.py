"""Bytes from anywhere become an image in a folder, or the reason why not; in processes of their own.

Decoders meet the bytes of strangers here. One that crashes takes a process with it that holds nothing, and costs one
row; and what they compute does not stand in the way of the downloads.

`judgement.py` says what is made of the bytes, `process.py` does it in a child, `workers.py` hands it the bytes.
"""
