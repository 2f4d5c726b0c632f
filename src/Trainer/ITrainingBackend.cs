namespace DistSgd.Trainer;

/// <summary>What a backend tells at the end of an epoch.</summary>
/// <param name="Epoch">Finished epochs.</param>
/// <param name="Rows">Rows of the epoch.</param>
/// <param name="LossSum">Sum of their losses, each just before the row's step.</param>
/// <param name="RowsSoFar">Rows trained since the beginning.</param>
/// <param name="Seconds">Seconds of training since it began, evaluations not counted where training pauses for them.</param>
internal sealed record EpochSummary(int Epoch, long Rows, double LossSum, long RowsSoFar, double Seconds)
{
    /// <summary>Steps of all workers since the beginning.</summary>
    public long Steps { get; init; }
}

/// <summary>Figures of a whole training so far.</summary>
/// <param name="Staleness">Counts of staleness of all shards.</param>
/// <param name="BytesPushed">Payload bytes pushed.</param>
/// <param name="BytesPulled">Payload bytes pulled.</param>
internal sealed record BackendFigures(long[] Staleness, long BytesPushed, long BytesPulled);

/// <summary>Where a job runs: threads of this process, or processes over gRPC.</summary>
internal interface ITrainingBackend : IAsyncDisposable
{
    /// <summary>True if values travel over sockets.</summary>
    bool IsRemote { get; }

    /// <summary>Trains until the job's epochs, steps or seconds are done, or it is told to end.</summary>
    /// <param name="epochDone">Called after each epoch, one call at a time; false: end here. Where workers don't wait for the answer, they may have trained on meanwhile.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task RunAsync(Func<EpochSummary, CancellationToken, Task<bool>> epochDone, CancellationToken cancellationToken);

    /// <summary>The values of all keys as they are now.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    Task<float[]> ReadAsync(CancellationToken cancellationToken);

    /// <summary>The states of all keys as they are now: values, optimizer state, and what is kept beside it.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    Task<float[]> ReadStatesAsync(CancellationToken cancellationToken);

    /// <summary>Figures so far.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    Task<BackendFigures> DescribeAsync(CancellationToken cancellationToken);

    /// <summary>Figures of each process, at the end; empty for embedded training.</summary>
    IReadOnlyList<ProcessFigures> Processes { get; }
}

/// <summary>What one process of a training did.</summary>
/// <param name="Role">"server" or "worker".</param>
/// <param name="ProcessId">The operating system's number.</param>
/// <param name="Where">Address of a server; partition of a worker.</param>
/// <param name="Pushes">Pushes applied (server) or acknowledged (worker).</param>
/// <param name="BytesPushed">Payload bytes pushed.</param>
/// <param name="BytesPulled">Payload bytes pulled.</param>
public sealed record ProcessFigures(string Role, int ProcessId, string Where, long Pushes, long BytesPushed, long BytesPulled);
