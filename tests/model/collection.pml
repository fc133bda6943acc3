/*
 * The protocol of online collection (docs/collection.md) for one blob, checked exhaustively by spin.
 *
 * One blob, its link in each of two repositories. Pushers upload it or mount it; collectors, two at
 * once, take it when nothing refers to it; each may die at any step. What is never to happen: a
 * push was acknowledged, nobody deleted what it linked, and the blob's bytes are gone.
 *
 * What time does in the program is order here. `link_within` < `grace` means: a collector does not
 * look again (scan 2) while a push goes on that saw the runs before the collector's own was open.
 * So each pusher says, in `stale`, which runs it may not have seen, for as long as it may still
 * write links on the strength of that; the program says so with a deadline, after which a push
 * looks again. A beat that is too old means: the collector is dead, or has stopped deleting.
 *
 * Variants that must fail (-D): NO_GRACE (scan 2 does not wait), NO_RESCUE (a push says nothing),
 * NO_REREAD (a push does not look again after its rescue), RESCUES_FIRST (a collector lists the
 * rescues before it marks its round), CHECK_FIRST (a push looks for the data before it protects it).
 */

#define PUSHERS 2
#define COLLECTORS 2

bool data = true;              /* blobs/…/data is there, since long ago */
bool link[PUSHERS];            /* _layers/…/link in the repository of each pusher */
bool acknowledged[PUSHERS];    /* the push was answered with success */

/* The keys of each run. */
bool open[COLLECTORS];
bool sweep[COLLECTORS];
byte turn[COLLECTORS];        /* the text of `sweep` */
bool rescue[COLLECTORS];       /* rescue/<run>/<this blob> */
bool candidate[COLLECTORS];    /* the blob is in candidates/<run>; there before `open` */
bool deleting[COLLECTORS];     /* a deletion of the blob is on its way */
bool dead[COLLECTORS];

bool stale[PUSHERS * COLLECTORS];  /* pusher p may rest on not having seen run c */
#define STALE(p, c) stale[(p) * COLLECTORS + (c)]

inline look(p) {
  /* One listing: atomic, as the store gives it. What is not open now may open unseen. */
  atomic {
    see0 = open[0]; see1 = open[1];
    sees0 = open[0] && sweep[0]; sees1 = open[1] && sweep[1];
    STALE(p, 0) = !open[0]; STALE(p, 1) = !open[1];
  }
}

/* Waits until the round that was under way is over, the run is over, or its collector is dead. */
inline outwait(c) {
  byte seen;
  atomic { seen = turn[c] }
  (!sweep[c] || turn[c] != seen || (dead[c] && !deleting[c]))
}

inline protect(p) {
  look(p);
#ifndef NO_RESCUE
  threat0 = see0 && candidate[0];
  threat1 = see1 && candidate[1];
  do
  :: threat0 || threat1 ->
     if :: threat0 -> rescue[0] = true :: else fi;
     if :: threat1 -> rescue[1] = true :: else fi;
     was0 = threat0; was1 = threat1;
#ifndef NO_REREAD
     look(p);
     if :: was0 && sees0 -> outwait(0) :: else fi;
     if :: was1 && sees1 -> outwait(1) :: else fi;
#endif
     /* A run that opened between the two looks is a threat of its own. */
     settled0 = settled0 || was0; settled1 = settled1 || was1;
     threat0 = see0 && candidate[0] && !settled0;
     threat1 = see1 && candidate[1] && !settled1
  :: else -> break
  od
#endif
}

active [PUSHERS] proctype pusher() {
  byte p = _pid;
  bool see0, see1, sees0, sees1, threat0, threat1, was0, was1, settled0, settled1, present;

#ifdef CHECK_FIRST
  present = data;
  protect(p);
#else
  protect(p);
  present = data;
#endif
  if
  :: present                    /* mounted, or its manifest checked: the bytes stay as they are */
  :: data = true                /* uploaded: the bytes are written again */
  :: !present -> goto done      /* nothing to mount: no push */
  fi;
  link[p] = true;
  acknowledged[p] = true;
done:
  /* No later link rests on what was seen. A pusher that dies here, or before, is one that ends. */
  atomic { STALE(p, 0) = false; STALE(p, 1) = false }
}

#define LINKED (link[0] || link[1])
#define FRESH(c) (!STALE(0, c) && !STALE(1, c))

active [COLLECTORS] proctype collector() {
  byte c = _pid - PUSHERS;
  bool found, kept;

  /* Scan 1, then the candidates, then `open`. */
  found = data && !LINKED;
  if :: !found -> goto end :: else fi;
  candidate[c] = true;
  if :: goto die :: skip fi;
  open[c] = true;

  /* The grace: who looked before `open` has linked by its end, or looks again. */
#ifndef NO_GRACE
  if :: FRESH(c) :: goto die fi;
#endif
  /* Scan 2. */
  if :: LINKED -> goto end :: else fi;

#ifdef RESCUES_FIRST
  kept = rescue[c];
#endif
  atomic { sweep[c] = true; turn[c] = 1 }
  if :: goto die :: skip fi;
#ifndef RESCUES_FIRST
  kept = rescue[c];
#endif
  if
  :: !kept ->
     deleting[c] = true;
     if
     :: data = false           /* the store's deletion is whatever else happens */
     :: skip                   /* or was lost on its way */
     fi;
     deleting[c] = false
  :: else
  fi;
  if :: goto die :: skip fi;
  /* Another round, of other blobs; its mark alone ends the waits for the last one. */
  turn[c] = 2;

end:
  open[c] = false;
  sweep[c] = false;
  goto over;
die:
  dead[c] = true;
over:
  skip
}

#define LOST(p) (acknowledged[p] && link[p] && !data)
ltl nothing_is_lost { [] !(LOST(0) || LOST(1)) }
