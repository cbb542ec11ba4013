#!/bin/sh
# The locale's data are gone, as after a half finished upgrade of libc.
rm -rf /usr/lib/locale/locale-archive /usr/lib/locale/en_US*
