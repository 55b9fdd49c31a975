/*
 * What PHP offers as C macros and structs whose layout changes with its version: the module entry, callables that are kept,
 * parameters by reference, the session handler's table. It decides nothing; every decision is made in Rust.
 */
#include "php.h"
#include "zend_attributes.h"
#include "zend_exceptions.h"
#include "zend_ini.h"
#include "ext/standard/info.h"

#if defined(HAVE_PHP_SESSION) && !defined(COMPILE_DL_SESSION) && !defined(ZOA_WITHOUT_SESSION)
#define ZOA_SESSION 1
#include "ext/session/php_session.h"
#endif

/* ---- The module ---- */

extern zend_result zoa_minit(int type, int module_number);
extern zend_result zoa_mshutdown(int type, int module_number);
extern zend_result zoa_rinit(int type, int module_number);
extern zend_result zoa_rshutdown(int type, int module_number);
extern void zoa_minfo(zend_module_entry *module);

static const zend_module_dep zoa_deps[] = {
	ZEND_MOD_OPTIONAL("session")
	ZEND_MOD_END
};

/* Globals are there only so that the engine says when a thread ends. */
ZEND_BEGIN_MODULE_GLOBALS(zoa)
	bool is_used;
ZEND_END_MODULE_GLOBALS(zoa)

static ZEND_DECLARE_MODULE_GLOBALS(zoa)

extern void zoa_gshutdown(void *globals);

static zend_module_entry zoa_module = {
	STANDARD_MODULE_HEADER_EX,
	NULL,
	zoa_deps,
	"zookeeper",
	NULL,
	zoa_minit,
	zoa_mshutdown,
	zoa_rinit,
	zoa_rshutdown,
	zoa_minfo,
	NULL,
	PHP_MODULE_GLOBALS(zoa),
	NULL,
	(void (*)(void *)) zoa_gshutdown,
	NULL,
	STANDARD_MODULE_PROPERTIES_EX
};

zend_module_entry *zoa_module_entry(const char *version, const zend_function_entry *functions) {
	zoa_module.version = version;
	zoa_module.functions = functions;
	return &zoa_module;
}

/* Keeps a parameter, from 0, out of stack traces; before PHP 8.2 they show all. The name of the method is in lower case. */
void zoa_hide_parameter(zend_class_entry *class, const char *method, size_t len, uint32_t number) {
#if PHP_VERSION_ID >= 80200
	zend_function *function = zend_hash_str_find_ptr(&class->function_table, method, len);
	if (function != NULL) {
		zend_add_parameter_attribute(function, number, ZSTR_KNOWN(ZEND_STR_SENSITIVEPARAMETER), 0);
	}
#endif
}

/* ---- Calls ---- */

uint32_t zoa_arg_count(zend_execute_data *execute_data) {
	return ZEND_NUM_ARGS();
}

zend_object *zoa_this(zend_execute_data *execute_data) {
	return Z_TYPE(EX(This)) == IS_OBJECT ? Z_OBJ(EX(This)) : NULL;
}

/* Takes the value over, and gives it to the variable behind the parameter with this number, from 1. */
void zoa_assign_by_ref(zend_execute_data *execute_data, uint32_t number, zval *value) {
	if (number <= ZEND_NUM_ARGS()) {
		zval *arg = ZEND_CALL_ARG(execute_data, number);
		if (Z_ISREF_P(arg)) {
			ZEND_TRY_ASSIGN_REF_TMP(arg, value);
			return;
		}
	}
	zval_ptr_dtor(value);
}

/* A value as text, by PHP's rules; NULL when there is none, or an exception was thrown. PHP code may run in here. */
zend_string *zoa_text_of(zval *value) {
	return Z_TYPE_P(value) == IS_ARRAY ? NULL : zval_try_get_string(value);
}

/* ---- Streams ---- */

/* NULL when the value is no stream, or one that is closed. */
static php_stream *zoa_stream_in(zval *value) {
	if (Z_TYPE_P(value) != IS_RESOURCE) {
		return NULL;
	}
	/* Without a name for it, the engine does not complain. */
	return (php_stream *) zend_fetch_resource2(Z_RES_P(value), NULL, php_file_le_stream(), php_file_le_pstream());
}

bool zoa_stream_is(zval *value) {
	return zoa_stream_in(value) != NULL;
}

bool zoa_stream_open(const char *path, zval *value) {
	php_stream *stream = php_stream_open_wrapper((char *) path, "a", REPORT_ERRORS, NULL);
	if (stream == NULL) {
		return false;
	}
	php_stream_to_zval(stream, value);
	return true;
}

void zoa_stream_write(zval *value, const char *bytes, size_t len) {
	php_stream *stream = zoa_stream_in(value);
	if (stream != NULL) {
		php_stream_write(stream, bytes, len);
		php_stream_flush(stream);
	}
}

/* ---- Callables ---- */

typedef struct {
	zend_fcall_info fci;
	zend_fcall_info_cache fcc;
} zoa_callable;

/* The buffers on the Rust side. */
_Static_assert(sizeof(zend_fcall_info) <= 128, "zend_fcall_info outgrew its buffer");
_Static_assert(sizeof(zend_fcall_info_cache) <= 128, "zend_fcall_info_cache outgrew its buffer");

bool zoa_callable_is_given(const zend_fcall_info *fci) {
	return ZEND_FCI_INITIALIZED(*fci);
}

/* Keeps what was parsed: the value, and the object that its method is called on. */
zoa_callable *zoa_callable_keep(const zend_fcall_info *fci, const zend_fcall_info_cache *fcc) {
	zoa_callable *callable = pemalloc(sizeof(*callable), 1);
	callable->fci = *fci;
	callable->fcc = *fcc;
	if (callable->fcc.function_handler != NULL
			&& (callable->fcc.function_handler->common.fn_flags & ZEND_ACC_CALL_VIA_TRAMPOLINE)) {
		/* A trampoline serves one call; the engine makes a new one each time. */
		zend_release_fcall_info_cache(&callable->fcc);
		callable->fcc.function_handler = NULL;
	}
	Z_TRY_ADDREF(callable->fci.function_name);
	if (callable->fcc.object != NULL) {
		GC_ADDREF(callable->fcc.object);
	}
	return callable;
}

/* Keeps a value that was not parsed as a callable; NULL when it is none. */
zoa_callable *zoa_callable_of(zval *value) {
	zend_fcall_info fci;
	zend_fcall_info_cache fcc;
	if (zend_fcall_info_init(value, 0, &fci, &fcc, NULL, NULL) != SUCCESS) {
		return NULL;
	}
	return zoa_callable_keep(&fci, &fcc);
}

void zoa_callable_release(zoa_callable *callable) {
	zval name = callable->fci.function_name;
	zend_object *object = callable->fcc.object;
	pefree(callable, 1);
	/* Destructors may run in here. */
	if (object != NULL) {
		OBJ_RELEASE(object);
	}
	zval_ptr_dtor(&name);
}

bool zoa_callable_is_same(const zoa_callable *callable, const zend_fcall_info *fci) {
	return zend_is_identical((zval *) &callable->fci.function_name, (zval *) &fci->function_name);
}

/* Calls it and drops what it returns. The arguments are freed. */
void zoa_callable_call(const zoa_callable *callable, uint32_t count, zval *args) {
	zval result;
	zend_fcall_info fci = callable->fci;
	zend_fcall_info_cache fcc = callable->fcc;
	ZVAL_UNDEF(&result);
	fci.retval = &result;
	fci.params = args;
	fci.param_count = count;
	zend_call_function(&fci, fcc.function_handler != NULL ? &fcc : NULL);
	zval_ptr_dtor(&result);
	for (uint32_t i = 0; i < count; i++) {
		zval_ptr_dtor(&args[i]);
	}
}

/* ---- The session save handler ---- */

#ifdef ZOA_SESSION

extern zend_result zoa_session_open(PS_OPEN_ARGS);
extern zend_result zoa_session_close(PS_CLOSE_ARGS);
extern zend_result zoa_session_read(PS_READ_ARGS);
extern zend_result zoa_session_write(PS_WRITE_ARGS);
extern zend_result zoa_session_destroy(PS_DESTROY_ARGS);
extern zend_long zoa_session_gc(PS_GC_ARGS);
extern zend_string *zoa_session_create_sid(PS_CREATE_SID_ARGS);
extern zend_result zoa_session_validate_sid(PS_VALIDATE_SID_ARGS);

static const ps_module zoa_session_module = {
	"zookeeper",
	zoa_session_open,
	zoa_session_close,
	zoa_session_read,
	zoa_session_write,
	zoa_session_destroy,
	zoa_session_gc,
	zoa_session_create_sid,
	zoa_session_validate_sid,
	/* To write what is there already is what makes it young again. */
	zoa_session_write
};

/* Weak: a PHP may be built without sessions, or have them in a module that comes later. */
#pragma weak php_session_register_module
#pragma weak php_session_create_id

void zoa_session_register(void) {
	if (php_session_register_module != NULL) {
		php_session_register_module(&zoa_session_module);
	}
}

zend_string *zoa_session_new_id(void **mod_data) {
	return php_session_create_id(mod_data);
}

#else

void zoa_session_register(void) {
}

zend_string *zoa_session_new_id(void **mod_data) {
	return NULL;
}

#endif
