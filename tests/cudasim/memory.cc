/* Device memory: POSIX shared memory under a budget that the processes of one
 * machine share.  An allocation ends where a page without access begins. */
#include "sim.h"

#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define ALIGN ((size_t)256)
#define MAGIC 0x6d69736475635f5fu
#define POISON 0xff
#define MARGIN 0xa5 /* around an allocation, up to the pages' ends */

struct allocation {
	std::string object; /* name of the shared memory; "": opened */
	char *map;
	size_t mapped, bytes;
	bool open; /* to the host, while the device works */
	int opened; /* times, by a handle */
	uint64_t serial;
	pid_t exporter;
};

struct handle {
	uint64_t magic, start_time, serial, bytes, check;
	int32_t exporter;
	char reserved[20];
};
static_assert(sizeof(handle) == 64, "as large as the real one");

static std::map<char *, allocation> all; /* by address */
static std::map<char *, size_t> pinned;	 /* registered or allocated */
static std::map<char *, size_t> our_own; /* of pinned: allocated */
static uint64_t serials, maps;
static bool opened; /* memory, for as long as this call */

/* ---- names ------------------------------------------------------------ */

static std::string
machine(void)
{
	const char *name = getenv("CUDASIM_NAME");

	return std::string("cudasim.") +
	    (name != nullptr ? name : std::to_string(geteuid()).c_str()) + ".";
}

static uint64_t
start_time(pid_t pid)
{
	std::string path = "/proc/" + std::to_string(pid) + "/stat";
	FILE *f = fopen(path.c_str(), "r");
	char line[1024] = "";
	unsigned long long when = 0;
	char *at;

	if (f == nullptr)
		return 0;
	if (fgets(line, sizeof(line), f) != nullptr &&
	    (at = strrchr(line, ')')) != nullptr && at[2] != 'Z')
		(void)sscanf(at + 2,
		    "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
		    "%*d %*d %*d %*d %*d %llu",
		    &when);
	fclose(f);
	return when;
}

/* Object names say whose they are: machine.pid.start.serial.bytes. */
static std::string
object_name(pid_t pid, uint64_t when, uint64_t serial, size_t bytes)
{
	return machine() + std::to_string(pid) + "." + std::to_string(when) +
	    "." + std::to_string(serial) + "." + std::to_string(bytes);
}

/* What all living processes hold; what the dead have left goes. */
static size_t
used(void)
{
	std::string front = machine();
	DIR *d = opendir("/dev/shm");
	size_t sum = 0;

	for (struct dirent *e; d != nullptr && (e = readdir(d)) != nullptr;) {
		int pid;
		unsigned long long when, serial, bytes;

		if (strncmp(e->d_name, front.c_str(), front.size()) != 0 ||
		    sscanf(e->d_name + front.size(), "%d.%llu.%llu.%llu", &pid,
			&when, &serial, &bytes) != 4)
			continue;
		if (start_time(pid) != when)
			(void)shm_unlink(e->d_name);
		else
			sum += bytes;
	}
	if (d != nullptr)
		closedir(d);
	return sum;
}

static size_t
budget(void)
{
	return (size_t)sim_setting("CUDASIM_BYTES", 512l << 20);
}

/* ---- mapping ---------------------------------------------------------- */

/* Maps an object so that its last byte (of a multiple of ALIGN) is followed by
 * a page without access. */
static char *
map_object(int fd, size_t bytes, allocation *a)
{
	size_t body = (bytes + PAGE - 1) / PAGE * PAGE;
	char *p;

	a->mapped = body + 2 * PAGE;
	/* Elsewhere in each process: processes born of one would agree; and
	 * not where another has been: who uses that still is to notice. */
	p = (char *)mmap((void *)((0x100000ull + (uint64_t)getpid() % 0x4000) *
				 0x1000000ull +
			     maps++ % 0x10000 * 0x10000ull * PAGE),
	    a->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return nullptr;
	if (mmap(p + PAGE, body, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		fd, 0) == MAP_FAILED) {
		(void)munmap(p, a->mapped);
		return nullptr;
	}
	a->map = p;
	a->bytes = bytes;
	a->open = true;
	opened = true;
	return p + PAGE + (body - (bytes + ALIGN - 1) / ALIGN * ALIGN);
}

static bool
guarded(void)
{
	static bool on = sim_setting("CUDASIM_GUARD", 1) != 0;

	return on;
}

static void
let(allocation *a, bool open)
{
	if (a->open != open)
		(void)mprotect(a->map + PAGE, a->mapped - 2 * PAGE,
		    open ? PROT_READ | PROT_WRITE : PROT_NONE);
	a->open = open;
}

void
sim_open_memory(void)
{
	for (auto i = all.begin(); !opened && i != all.end(); ++i)
		let(&i->second, true);
	opened = true;
}

void
sim_close_memory(void)
{
	for (auto i = all.begin(); opened && guarded() && i != all.end(); ++i)
		let(&i->second, false);
	opened = false;
}

/* Calls what(begin, end) for the bytes before and behind an allocation that
 * nobody may write. */
template <typename F>
static void
each_margin(char *at, const allocation &a, F what)
{
	what(a.map + PAGE, at);
	what(at + a.bytes, a.map + a.mapped - PAGE);
}

static void
put_margins(char *at, const allocation &a)
{
	each_margin(at, a, [](char *from, char *end) {
		memset(from, MARGIN, (size_t)(end - from));
	});
}

static void
check_margins(char *at, const allocation &a)
{
	sim_open_memory();
	each_margin(at, a, [&](char *from, char *end) {
		for (; from < end && *(unsigned char *)from == MARGIN; from++)
			;
		if (from < end)
			sim_break(cudaErrorIllegalAddress,
			    "byte %td of an allocation of %zu was written",
			    from - at, a.bytes);
	});
}

static void
drop_all(void)
{
	for (auto &i : all)
		if (!i.second.object.empty())
			(void)shm_unlink(i.second.object.c_str());
}

static cudaError_t
allocate(void **out, size_t bytes)
{
	allocation a = {};
	char *at = nullptr;
	int fd;

	if (bytes == 0 || used() + bytes > budget())
		return bytes == 0 ? cudaErrorInvalidValue :
				    cudaErrorMemoryAllocation;
	if (serials == 0)
		atexit(drop_all);
	a.serial = ++serials;
	a.exporter = getpid();
	a.object = object_name(getpid(), start_time(getpid()), a.serial, bytes);
	fd = shm_open(a.object.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd >= 0 &&
	    ftruncate(fd, (off_t)((bytes + PAGE - 1) / PAGE * PAGE)) == 0)
		at = map_object(fd, bytes, &a);
	if (fd >= 0)
		close(fd);
	if (at == nullptr)
		return cudaErrorMemoryAllocation;
	if (bytes <= 64u << 20) /* larger ones would take real memory */
		memset(at, POISON, bytes);
	put_margins(at, a);
	all[at] = a;
	*out = at;
	return cudaSuccess;
}

/* The allocation that holds an address; end: none does. */
static std::map<char *, allocation>::iterator
find(const void *p)
{
	auto i = all.upper_bound((char *)p);

	if (i == all.begin())
		return all.end();
	--i;
	return (const char *)p < i->first + i->second.bytes ? i : all.end();
}

bool
sim_is_device(const void *p, size_t n)
{
	auto i = find(p);

	return i != all.end() &&
	    (size_t)((const char *)p - i->first) + n <= i->second.bytes;
}

bool
sim_is_pinned(const void *p, size_t n)
{
	auto i = pinned.upper_bound((char *)p);

	if (i == pinned.begin())
		return false;
	--i;
	return (const char *)p + n <= i->first + i->second;
}

static cudaError_t
enter(const char *function)
{
	cudaError_t e = sim_enter(function);

	return e == cudaSuccess && sim_capturing() ?
	    cudaErrorStreamCaptureUnsupported :
	    e;
}

extern "C" {

cudaError_t
cudaMalloc(void **out, size_t bytes)
{
	SIM_LOCKED;
	cudaError_t e = enter("cudaMalloc");

	*out = nullptr;
	return sim_error(e != cudaSuccess ? e : allocate(out, bytes));
}

cudaError_t
cudaFree(void *p)
{
	SIM_LOCKED;
	cudaError_t e = enter("cudaFree");
	auto i = all.find((char *)p);

	if (p == nullptr || e != cudaSuccess)
		return sim_error(e);
	if (i == all.end() || i->second.object.empty())
		return sim_error(cudaErrorInvalidValue);
	(void)cudaDeviceSynchronize();
	check_margins(i->first, i->second);
	(void)shm_unlink(i->second.object.c_str());
	(void)munmap(i->second.map, i->second.mapped);
	all.erase(i);
	return sim_error(sim_enter("cudaFree, its end"));
}

cudaError_t
cudaMemGetInfo(size_t *left, size_t *total)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaMemGetInfo");
	size_t held = used();

	*total = budget();
	*left = held < *total ? *total - held : 0;
	return sim_error(e);
}

cudaError_t
cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p)
{
	SIM_LOCKED;
	*a = {};
	a->type = sim_is_device(p, 1) ? cudaMemoryTypeDevice :
	    sim_is_pinned(p, 1)	      ? cudaMemoryTypeHost :
					cudaMemoryTypeUnregistered;
	return sim_error(sim_enter("cudaPointerGetAttributes"));
}

/* ---- pinned memory ---------------------------------------------------- */

cudaError_t
cudaHostAlloc(void **out, size_t bytes, unsigned)
{
	SIM_LOCKED;
	cudaError_t e = enter("cudaHostAlloc");
	char *p;

	*out = nullptr;
	if (e != cudaSuccess)
		return sim_error(e);
	p = (char *)aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
	if (p == nullptr)
		return sim_error(cudaErrorMemoryAllocation);
	memset(p, POISON, bytes);
	pinned[p] = our_own[p] = bytes;
	*out = p;
	return cudaSuccess;
}

cudaError_t
cudaFreeHost(void *p)
{
	SIM_LOCKED;
	cudaError_t e = enter("cudaFreeHost");

	if (p == nullptr || e != cudaSuccess)
		return sim_error(e);
	if (our_own.erase((char *)p) == 0)
		return sim_error(cudaErrorInvalidValue);
	(void)cudaDeviceSynchronize();
	pinned.erase((char *)p);
	free(p);
	return cudaSuccess;
}

cudaError_t
cudaHostRegister(void *p, size_t bytes, unsigned)
{
	SIM_LOCKED;
	cudaError_t e = enter("cudaHostRegister");
	char *at = (char *)p;

	if (e != cudaSuccess)
		return sim_error(e);
	if (p == nullptr || bytes == 0)
		return sim_error(cudaErrorInvalidValue);
	for (auto &i : pinned)
		if (at < i.first + i.second && i.first < at + bytes)
			return sim_error(cudaErrorHostMemoryAlreadyRegistered);
	pinned[at] = bytes;
	return cudaSuccess;
}

cudaError_t
cudaHostUnregister(void *p)
{
	SIM_LOCKED;
	cudaError_t e = enter("cudaHostUnregister");

	if (e == cudaSuccess &&
	    (our_own.count((char *)p) != 0 || pinned.erase((char *)p) == 0))
		e = cudaErrorHostMemoryNotRegistered;
	return sim_error(e);
}

cudaError_t
cudaHostGetDevicePointer(void **out, void *p, unsigned)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaHostGetDevicePointer");

	if (e == cudaSuccess && !sim_is_pinned(p, 1))
		e = cudaErrorInvalidValue;
	*out = e == cudaSuccess ? p : nullptr;
	return sim_error(e);
}

/* ---- memory between processes ----------------------------------------- */

static uint64_t
check_of(const handle &h)
{
	return h.start_time * 31 + h.serial * 17 + h.bytes +
	    (uint64_t)h.exporter * 7;
}

cudaError_t
cudaIpcGetMemHandle(cudaIpcMemHandle_t *out, void *p)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaIpcGetMemHandle");
	auto i = all.find((char *)p);
	handle h = {};

	if (e == cudaSuccess && (i == all.end() || i->second.object.empty()))
		e = cudaErrorInvalidValue;
	if (e != cudaSuccess)
		return sim_error(e);
	h.magic = MAGIC;
	h.exporter = getpid();
	h.start_time = start_time(getpid());
	h.serial = i->second.serial;
	h.bytes = i->second.bytes;
	h.check = check_of(h);
	memcpy(out, &h, sizeof(h));
	return cudaSuccess;
}

static cudaError_t
open_handle(void **out, const handle &h)
{
	allocation a = {};
	char *at;
	int fd;

	for (auto &i : all)
		if (i.second.opened > 0 && i.second.exporter == h.exporter &&
		    i.second.serial == h.serial) {
			i.second.opened++;
			*out = i.first;
			return cudaSuccess;
		}
	if (start_time(h.exporter) != h.start_time)
		return cudaErrorMapBufferObjectFailed;
	fd = shm_open(object_name(h.exporter, h.start_time, h.serial, h.bytes)
			  .c_str(),
	    O_RDWR, 0);
	if (fd < 0)
		return cudaErrorMapBufferObjectFailed;
	at = map_object(fd, h.bytes, &a);
	close(fd);
	if (at == nullptr)
		return cudaErrorMapBufferObjectFailed;
	a.opened = 1;
	a.exporter = h.exporter;
	a.serial = h.serial;
	all[at] = a;
	*out = at;
	return cudaSuccess;
}

cudaError_t
cudaIpcOpenMemHandle(void **out, cudaIpcMemHandle_t from, unsigned flags)
{
	SIM_LOCKED;
	cudaError_t e = enter("cudaIpcOpenMemHandle");
	handle h;

	*out = nullptr;
	memcpy(&h, &from, sizeof(h));
	if (e != cudaSuccess)
		return sim_error(e);
	if (flags != cudaIpcMemLazyEnablePeerAccess || h.magic != MAGIC ||
	    h.check != check_of(h))
		return sim_error(cudaErrorInvalidValue);
	if (h.exporter == getpid())
		return sim_error(cudaErrorDeviceUninitialized);
	return sim_error(open_handle(out, h));
}

cudaError_t
cudaIpcCloseMemHandle(void *p)
{
	SIM_LOCKED;
	cudaError_t e = enter("cudaIpcCloseMemHandle");
	auto i = all.find((char *)p);

	if (e != cudaSuccess)
		return sim_error(e);
	if (i == all.end() || i->second.opened == 0)
		return sim_error(cudaErrorInvalidValue);
	if (--i->second.opened > 0)
		return cudaSuccess;
	(void)cudaDeviceSynchronize();
	(void)munmap(i->second.map, i->second.mapped);
	all.erase(i);
	return cudaSuccess;
}

} /* extern "C" */
