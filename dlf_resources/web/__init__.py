"""The open web, asked politely and safely: which addresses, how fast, how many bytes, and whose pictures are taken."""
