<?php

declare(strict_types=1);

namespace Zoarium\Farm;

/**
 * How far a task is.
 */
enum Stage: string
{
    /** It waits to be assigned, for the first time or again. */
    case Queued = 'queued';
    /** A worker has it. */
    case Running = 'running';
    /** An attempt failed; the next one comes after a pause. */
    case Failed = 'failed';
    /** Its result is saved. */
    case Done = 'done';
    /** It was given up or cancelled. */
    case Dead = 'dead';
    /** There is no such task, or its result was cleaned up. */
    case Unknown = 'unknown';
}
