/*
 * Counts what the programs beside this call, and with which codes it ends: each function of the interface becomes a
 * macro of its name. Included behind the interface's own headers. The driver (../trials.py) notices what is exported
 * and never counted.
 */
#ifndef COVER_H
#define COVER_H

/* Notes that a function was called; notes a code, which it gives back. */
void cover(const char *function);
int cover_rc(const char *function, int rc);
/* Notes what a completion was told. The words begin with the name of an asynchronous function, without "zoo_". */
void cover_told(const char *words, int rc);
/* Prints "covered FUNCTION CODES" of each. */
void cover_print(void);

#ifndef COVER_C
#define is_unrecoverable(...) (cover("is_unrecoverable"), (is_unrecoverable)(__VA_ARGS__))
#define log_message(...) (cover("log_message"), (log_message)(__VA_ARGS__))
#define zerror(...) (cover("zerror"), (zerror)(__VA_ARGS__))
#define zoo_acreate(...) cover_rc("zoo_acreate", (zoo_acreate)(__VA_ARGS__))
#define zoo_acreate2(...) cover_rc("zoo_acreate2", (zoo_acreate2)(__VA_ARGS__))
#define zoo_acreate2_ttl(...) cover_rc("zoo_acreate2_ttl", (zoo_acreate2_ttl)(__VA_ARGS__))
#define zoo_acreate_ttl(...) cover_rc("zoo_acreate_ttl", (zoo_acreate_ttl)(__VA_ARGS__))
#define zoo_add_auth(...) cover_rc("zoo_add_auth", (zoo_add_auth)(__VA_ARGS__))
#define zoo_adelete(...) cover_rc("zoo_adelete", (zoo_adelete)(__VA_ARGS__))
#define zoo_aexists(...) cover_rc("zoo_aexists", (zoo_aexists)(__VA_ARGS__))
#define zoo_aget(...) cover_rc("zoo_aget", (zoo_aget)(__VA_ARGS__))
#define zoo_aget_acl(...) cover_rc("zoo_aget_acl", (zoo_aget_acl)(__VA_ARGS__))
#define zoo_aget_children(...) cover_rc("zoo_aget_children", (zoo_aget_children)(__VA_ARGS__))
#define zoo_aget_children2(...) cover_rc("zoo_aget_children2", (zoo_aget_children2)(__VA_ARGS__))
#define zoo_agetconfig(...) cover_rc("zoo_agetconfig", (zoo_agetconfig)(__VA_ARGS__))
#define zoo_amulti(...) cover_rc("zoo_amulti", (zoo_amulti)(__VA_ARGS__))
#define zoo_areconfig(...) cover_rc("zoo_areconfig", (zoo_areconfig)(__VA_ARGS__))
#define zoo_aremove_all_watches(...) cover_rc("zoo_aremove_all_watches", (zoo_aremove_all_watches)(__VA_ARGS__))
#define zoo_aremove_watches(...) cover_rc("zoo_aremove_watches", (zoo_aremove_watches)(__VA_ARGS__))
#define zoo_aset(...) cover_rc("zoo_aset", (zoo_aset)(__VA_ARGS__))
#define zoo_aset_acl(...) cover_rc("zoo_aset_acl", (zoo_aset_acl)(__VA_ARGS__))
#define zoo_async(...) cover_rc("zoo_async", (zoo_async)(__VA_ARGS__))
#define zoo_awexists(...) cover_rc("zoo_awexists", (zoo_awexists)(__VA_ARGS__))
#define zoo_awget(...) cover_rc("zoo_awget", (zoo_awget)(__VA_ARGS__))
#define zoo_awget_children(...) cover_rc("zoo_awget_children", (zoo_awget_children)(__VA_ARGS__))
#define zoo_awget_children2(...) cover_rc("zoo_awget_children2", (zoo_awget_children2)(__VA_ARGS__))
#define zoo_awgetconfig(...) cover_rc("zoo_awgetconfig", (zoo_awgetconfig)(__VA_ARGS__))
#define zoo_check_op_init(...) (cover("zoo_check_op_init"), (zoo_check_op_init)(__VA_ARGS__))
#define zoo_client_id(...) (cover("zoo_client_id"), (zoo_client_id)(__VA_ARGS__))
#define zoo_create(...) cover_rc("zoo_create", (zoo_create)(__VA_ARGS__))
#define zoo_create2(...) cover_rc("zoo_create2", (zoo_create2)(__VA_ARGS__))
#define zoo_create2_op_init(...) (cover("zoo_create2_op_init"), (zoo_create2_op_init)(__VA_ARGS__))
#define zoo_create2_ttl(...) cover_rc("zoo_create2_ttl", (zoo_create2_ttl)(__VA_ARGS__))
#define zoo_create_op_init(...) (cover("zoo_create_op_init"), (zoo_create_op_init)(__VA_ARGS__))
#define zoo_create_ttl(...) cover_rc("zoo_create_ttl", (zoo_create_ttl)(__VA_ARGS__))
#define zoo_cycle_next_server(...) (cover("zoo_cycle_next_server"), (zoo_cycle_next_server)(__VA_ARGS__))
#define zoo_delete(...) cover_rc("zoo_delete", (zoo_delete)(__VA_ARGS__))
#define zoo_delete_op_init(...) (cover("zoo_delete_op_init"), (zoo_delete_op_init)(__VA_ARGS__))
#define zoo_deterministic_conn_order(...) (cover("zoo_deterministic_conn_order"), (zoo_deterministic_conn_order)(__VA_ARGS__))
#define zoo_exists(...) cover_rc("zoo_exists", (zoo_exists)(__VA_ARGS__))
#define zoo_get(...) cover_rc("zoo_get", (zoo_get)(__VA_ARGS__))
#define zoo_get_acl(...) cover_rc("zoo_get_acl", (zoo_get_acl)(__VA_ARGS__))
#define zoo_get_children(...) cover_rc("zoo_get_children", (zoo_get_children)(__VA_ARGS__))
#define zoo_get_children2(...) cover_rc("zoo_get_children2", (zoo_get_children2)(__VA_ARGS__))
#define zoo_get_context(...) (cover("zoo_get_context"), (zoo_get_context)(__VA_ARGS__))
#define zoo_get_current_server(...) (cover("zoo_get_current_server"), (zoo_get_current_server)(__VA_ARGS__))
#define zoo_get_log_callback(...) (cover("zoo_get_log_callback"), (zoo_get_log_callback)(__VA_ARGS__))
#define zoo_get_log_stream(...) (cover("zoo_get_log_stream"), (zoo_get_log_stream)(__VA_ARGS__))
#define zoo_getconfig(...) cover_rc("zoo_getconfig", (zoo_getconfig)(__VA_ARGS__))
#define zoo_htonll(...) (cover("zoo_htonll"), (zoo_htonll)(__VA_ARGS__))
#define zoo_lock_auth(...) (cover("zoo_lock_auth"), (zoo_lock_auth)(__VA_ARGS__))
#define zoo_multi(...) cover_rc("zoo_multi", (zoo_multi)(__VA_ARGS__))
#define zoo_reconfig(...) cover_rc("zoo_reconfig", (zoo_reconfig)(__VA_ARGS__))
#define zoo_recv_timeout(...) (cover("zoo_recv_timeout"), (zoo_recv_timeout)(__VA_ARGS__))
#define zoo_remove_all_watches(...) cover_rc("zoo_remove_all_watches", (zoo_remove_all_watches)(__VA_ARGS__))
#define zoo_remove_watches(...) cover_rc("zoo_remove_watches", (zoo_remove_watches)(__VA_ARGS__))
#define zoo_set(...) cover_rc("zoo_set", (zoo_set)(__VA_ARGS__))
#define zoo_set2(...) cover_rc("zoo_set2", (zoo_set2)(__VA_ARGS__))
#define zoo_set_acl(...) cover_rc("zoo_set_acl", (zoo_set_acl)(__VA_ARGS__))
#define zoo_set_context(...) (cover("zoo_set_context"), (zoo_set_context)(__VA_ARGS__))
#define zoo_set_debug_level(...) (cover("zoo_set_debug_level"), (zoo_set_debug_level)(__VA_ARGS__))
#define zoo_set_log_callback(...) (cover("zoo_set_log_callback"), (zoo_set_log_callback)(__VA_ARGS__))
#define zoo_set_log_stream(...) (cover("zoo_set_log_stream"), (zoo_set_log_stream)(__VA_ARGS__))
#define zoo_set_op_init(...) (cover("zoo_set_op_init"), (zoo_set_op_init)(__VA_ARGS__))
#define zoo_set_servers(...) cover_rc("zoo_set_servers", (zoo_set_servers)(__VA_ARGS__))
#define zoo_set_servers_resolution_delay(...) cover_rc("zoo_set_servers_resolution_delay", (zoo_set_servers_resolution_delay)(__VA_ARGS__))
#define zoo_set_watcher(...) (cover("zoo_set_watcher"), (zoo_set_watcher)(__VA_ARGS__))
#define zoo_state(...) (cover("zoo_state"), (zoo_state)(__VA_ARGS__))
#define zoo_unlock_auth(...) (cover("zoo_unlock_auth"), (zoo_unlock_auth)(__VA_ARGS__))
#define zoo_wexists(...) cover_rc("zoo_wexists", (zoo_wexists)(__VA_ARGS__))
#define zoo_wget(...) cover_rc("zoo_wget", (zoo_wget)(__VA_ARGS__))
#define zoo_wget_children(...) cover_rc("zoo_wget_children", (zoo_wget_children)(__VA_ARGS__))
#define zoo_wget_children2(...) cover_rc("zoo_wget_children2", (zoo_wget_children2)(__VA_ARGS__))
#define zoo_wgetconfig(...) cover_rc("zoo_wgetconfig", (zoo_wgetconfig)(__VA_ARGS__))
#define zookeeper_close(...) cover_rc("zookeeper_close", (zookeeper_close)(__VA_ARGS__))
#define zookeeper_get_connected_host(...) (cover("zookeeper_get_connected_host"), (zookeeper_get_connected_host)(__VA_ARGS__))
#define zookeeper_init(...) (cover("zookeeper_init"), (zookeeper_init)(__VA_ARGS__))
#define zookeeper_init2(...) (cover("zookeeper_init2"), (zookeeper_init2)(__VA_ARGS__))
#define zookeeper_interest(...) cover_rc("zookeeper_interest", (zookeeper_interest)(__VA_ARGS__))
#define zookeeper_process(...) cover_rc("zookeeper_process", (zookeeper_process)(__VA_ARGS__))
#endif

#endif
