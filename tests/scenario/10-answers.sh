# Every adapter and the base give the answers that they were trained to give,
# whole and in pieces.
. tests/scenario/lib.sh

start
quiz --in-flight 1
quiz --stream
stop
