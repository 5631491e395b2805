"""Training room: the AC predictor on tokens of a frozen encoder (V-JEPA 2, section 3.1).

Frames are encoded once into a `TokenCache`; everything after reads tokens and states only.
"""
