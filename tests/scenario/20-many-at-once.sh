# 64 requests in flight over all adapters and the base: every answer is right.
. tests/scenario/lib.sh

start
quiz --requests 64 --connections 1
quiz --requests 256 --in-flight 64 --connections 8
quiz --requests 256 --in-flight 64 --connections 8 --stream
stop
