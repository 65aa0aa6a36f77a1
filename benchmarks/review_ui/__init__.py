"""Figures of the review page: the real server, the real page, Chromium without a screen or a GPU."""
