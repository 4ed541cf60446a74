"""The figures, one module a theme. Each has FIGURES: {name: function(world, report)}."""
from . import requests, warm, cold, memory, rows, scale

MODULES = (requests, warm, cold, memory, rows, scale)
FIGURES = {name: run for module in MODULES for name, run in module.FIGURES.items()}
