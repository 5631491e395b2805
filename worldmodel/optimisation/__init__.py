"""What every training loop shares: schedule, budget, atomic files, log, resumable loop.

Knows nothing of encoders or predictors; `pretraining` and `training` both build on it.
"""
