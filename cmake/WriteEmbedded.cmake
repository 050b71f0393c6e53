# The script behind embed_file(): writes the bytes of INPUT as the constant NAME into the header OUTPUT.
file(READ "${INPUT}" content HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" content "${content}")
string(REGEX REPLACE "(................................................................................................)" "\\1\"\n    \"" content "${content}")
file(SIZE "${INPUT}" size)
file(WRITE "${OUTPUT}" "#pragma once\n\n#include <string_view>\n\ninline constexpr std::string_view ${NAME}{\n    \"${content}\",\n    ${size}};\n")
