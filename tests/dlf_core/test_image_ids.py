import hashlib

from dlf_core.image_ids import image_id_of


def test_the_image_id_is_the_hash_of_its_bytes():
    assert image_id_of(b"abc") == "ba7816bf8f01cfea414140de5dae2223"  # FIPS 180-2, example B.1
    assert image_id_of(b"") == hashlib.sha256(b"").hexdigest()[:32]
