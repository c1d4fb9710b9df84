#include "app/cli.h"

int main(int argc, char** argv) { return ondol::run_cli(argc, argv); }
