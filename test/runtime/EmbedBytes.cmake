# Writes the bytes of the file IN as the C array `description` to the file OUT.
file(READ ${IN} digits HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
file(WRITE ${OUT}
  "static const _Alignas(64) unsigned char description[] = {${bytes}};\n")
