# Lab and Binder only import. Colab adds what it lacks and keeps its own torch, numpy, plotly and ipywidgets.
import importlib.util
import subprocess
import sys
from glob import glob

if "google.colab" in sys.modules:
    needed = "e3nn<0.7 opt_einsum opt_einsum_fx ase jaxtyping wadler_lindig vesin spglib safetensors pooch"
    needed = [*needed.split(), "anywidget", "psygnal", "py3Dmol", *(glob("equitour-*.whl") or ["equitour"])]
    lacking = [name for name in needed if not importlib.util.find_spec(name.split("<")[0].split("-")[0])]
    if lacking:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *lacking], check=True)

import equitour

print(f"equitour {equitour.__version__}")
