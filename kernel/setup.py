"""Compiles the Python module mtp_kernel: pip install ./kernel."""

from glob import glob
from pathlib import Path

import nanobind
from setuptools import Extension, setup

binding = Path(nanobind.__file__).parent

setup(
    py_modules=[],
    ext_modules=[
        Extension(
            "mtp_kernel",
            sources=[*sorted(glob("*.cpp")), "python/module.cpp", f"{binding}/src/nb_combined.cpp"],
            include_dirs=[".", f"{binding}/include", f"{binding}/ext/robin_map/include"],
            depends=[*glob("*.h"), *glob("*.ipp")],
            language="c++",
            # -fno-math-errno lets square roots be taken for several numbers at once.
            extra_compile_args=["-std=c++17", "-O3", "-fno-math-errno", "-fopenmp"]
            + ["-fvisibility=hidden", "-fno-strict-aliasing", "-Wno-psabi", "-g0"],
            extra_link_args=["-fopenmp"],
        )
    ],
)
