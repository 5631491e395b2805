"""Pre-training room: mask denoising in representation space (V-JEPA 2, eq. 1) on video alone.

No state, no action and no label may come in here; the input is a `FrameStore` of pixels.
"""
