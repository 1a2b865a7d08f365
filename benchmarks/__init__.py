"""Measurements; timings live here and never decide a test."""
