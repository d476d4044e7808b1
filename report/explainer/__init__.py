"""The explainer: one recorded fit, every position of every slider replayed beforehand, on one page."""
