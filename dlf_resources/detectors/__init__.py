"""The two ONNX detectors that ship with the package, behind the `embedded` backends. Both know the 80 COCO classes."""
