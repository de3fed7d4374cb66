#!/bin/sh
python3 -c "import sys; print(sys.argv[1)"
