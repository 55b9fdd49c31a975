# What zkpython of PyPI (Python 2) does: calls, watches, completions; run on both libraries by trials.py.
#
#   binding2.py HOST:PORT FOLDER-OF-ZKPYTHON
import sys, threading
sys.path.insert(0, sys.argv[2])
import zookeeper
done=threading.Semaphore(0)
L=threading.Lock()
def say(*a):
    with L: print(' '.join(str(x) for x in a)); sys.stdout.flush()
def w(name):
    def f(h,t,s,p): say(name,t,s,p); done.release()
    return f
def wait(n=1):
    for _ in range(n): done.acquire()
OPEN=[{"perms":31,"scheme":"world","id":"anyone"}]
zookeeper.set_debug_level(0)
h=zookeeper.init(sys.argv[1], w('session'), 6000); wait()
def t(n,f,*a):
    try: r=f(*a)
    except Exception as e: say(n,'raises',type(e).__name__); return
    if isinstance(r,tuple): r=(r[0],r[1].get('version'))
    if isinstance(r,dict): r=r['version']
    say(n,r)
t('create',zookeeper.create,h,'/z2','data',OPEN,0)
t('create',zookeeper.create,h,'/z2','data',OPEN,0)
t('get',zookeeper.get,h,'/z2',w('get'))
zookeeper.set(h,'/z2','x',0); wait()
t('set',zookeeper.set,h,'/z2','x',0)
t('exists',zookeeper.exists,h,'/z2/none',None)
t('children',zookeeper.get_children,h,'/z2',w('children'))
zookeeper.create(h,'/z2/c','d',OPEN,zookeeper.EPHEMERAL); wait()
def c(name):
    def f(*a): say(name,a[1], a[2] if len(a)>2 and not isinstance(a[2],dict) else ''); done.release()
    return f
zookeeper.aget(h,'/z2',None,c('aget')); zookeeper.aset(h,'/z2','yy',-1,c('aset')); zookeeper.aexists(h,'/z2/q',None,c('aexists')); zookeeper.acreate(h,'/z2/a','1',OPEN,0,c('acreate')); zookeeper.adelete(h,'/z2/a',-1,c('adelete')); wait(5)
for n in ('/z2/c','/z2'): t('delete',zookeeper.delete,h,n,-1)
t('close',zookeeper.close,h)
t('closed',zookeeper.get,h,'/',None)
