"""Hugging Face Hub: who we are there, publishing a data set, reading one of others."""
