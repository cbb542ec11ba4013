#!/bin/sh
# Write here why it is done this way. What is below writes one file out of a parameter, and is there to
# be replaced. The helpers are described in the features' CONTRIBUTING.md:
#   packages NAME…                  Debian packages
#   download URL SHA256 PATH        a file with a checksum
#   changes_are_for UNIT            before the files of a service, so that it is restarted
#   unit_on UNIT                    it is enabled and runs what is on disk
#   again "…", never "…"            it may be tried later; somebody has to mend something first
set -eu
# shellcheck source=/dev/null
. "$PHOENIX_LIB/phoenix.sh"

# shellcheck disable=SC2154 # parameters come from the manifest
matches greeting "$parameter_greeting" '[A-Za-z0-9 .,-]+'

put_file /etc/@name@.conf 644 <<END
# Written by Phoenix, from the parameters of the feature @name@.
greeting=$parameter_greeting
END
