// The program of a pod's own container: it waits, and reaps what other containers' processes leave behind.
#pragma once

// Returns never; SIGTERM and SIGINT end it.
[[noreturn]] void pause_until_told();
