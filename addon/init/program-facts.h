// What there is to know of a file that execve refuses; the runtime makes words of it (src/plan/program.ts).
#pragma once

#include "context.h"

// Adds to the notes "file MODE FLAGS UID GID", decimal, a line end, and the first bytes of the file. MODE is that of a
// symbolic link where it leads nowhere, FLAGS are f_flags of statfs(2). Nothing is added where there is no file.
void note_program(Context& context, const char* path);
