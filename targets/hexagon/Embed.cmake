# Writes OUTPUT, a header with the bytes of each of FILES: support.o is
# minnow::hexagon::kSupportObject.
set(text "// Made by Embed.cmake\nnamespace minnow::hexagon {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  string(SUBSTRING ${name} 0 1 first)
  string(SUBSTRING ${name} 1 -1 rest)
  string(TOUPPER ${first} first)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND text "static const unsigned char k${first}${rest}Object[] = {${bytes}};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}} // namespace minnow::hexagon\n")
