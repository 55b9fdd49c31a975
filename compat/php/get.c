/* Reads one znode again and again through the C library and prints microseconds a read: get HOST:PORT READS */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

static double now_us(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

int main(int count, char **arguments) {
	if (count != 3) {
		return 2;
	}
	zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
	zhandle_t *handle = zookeeper_init(arguments[1], NULL, 10000, NULL, NULL, 0);
	while (zoo_state(handle) != ZOO_CONNECTED_STATE) {
		usleep(1000);
	}
	zoo_create(handle, "/cost", "0123456789", 10, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
	int reads = atoi(arguments[2]);
	double start = now_us();
	for (int i = 0; i < reads; i++) {
		char buffer[1024];
		int len = sizeof(buffer);
		struct Stat stat;
		if (zoo_get(handle, "/cost", 0, buffer, &len, &stat) != ZOK) {
			return 1;
		}
	}
	printf("%f\n", (now_us() - start) / reads);
	zookeeper_close(handle);
	return 0;
}
