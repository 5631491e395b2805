"""Decoding room: pixels out of tokens, to look at what a world model imagines (appendix B.3).

Nothing here plays a part in training or planning; `optimisation` gives the loop.
"""
