// SPDX-License-Identifier: GPL-2.0-only
// Registers the pair styles when LAMMPS loads the plugin.
#include "lammpsplugin.h"

#include "pair_mtp.h"
#include "pair_mtp_extrapolation.h"

using namespace LAMMPS_NS;

namespace {

template <class Style> void *create(void *lmp) {
  return static_cast<Pair *>(new Style(static_cast<LAMMPS *>(lmp)));
}

} // namespace

void lammpsplugin_init(void *lmp, void *handle, void *regfunc) {
  const auto register_plugin = reinterpret_cast<lammpsplugin_regfunc>(regfunc);
  lammpsplugin_t plugin{};
  plugin.version = static_cast<LAMMPS *>(lmp)->version;
  plugin.style = "pair";
  plugin.author = "smallcell";
  plugin.handle = handle;

  plugin.name = "mtp";
  plugin.info = "moment tensor potential";
  plugin.creator.v1 = create<PairMTP>;
  register_plugin(&plugin, lmp);

  plugin.name = "mtp/extrapolation";
  plugin.info = "moment tensor potential with the extrapolation grade";
  plugin.creator.v1 = create<PairMTPExtrapolation>;
  register_plugin(&plugin, lmp);
}
