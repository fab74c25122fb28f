# A pool that holds few adapters and few requests at a time: the others wait,
# adapters come and go, and every answer is right.
. tests/scenario/lib.sh

start --set memory.device_bytes=4MiB --set memory.chunk_bytes=256KiB \
    --set loader.host_bytes=256KiB
quiz --requests 256 --in-flight 64 --connections 4
stop
