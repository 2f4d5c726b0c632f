namespace DistSgd.Worker;

/// <summary>What a worker tells at the end of an epoch.</summary>
/// <param name="Partition">Its partition.</param>
/// <param name="EpochsDone">Finished epochs.</param>
/// <param name="Rows">Rows of the finished epoch.</param>
/// <param name="LossSum">Sum of the losses of these rows, each taken just before the row's step.</param>
public sealed record EpochReport(int Partition, int EpochsDone, long Rows, double LossSum)
{
    /// <summary>True if the loop ends with it: all epochs are done, or a bound on steps or seconds is reached, perhaps in the middle of the epoch.</summary>
    public bool IsLast { get; init; }

    /// <summary>Finished steps of the loop, over all epochs.</summary>
    public long Clock { get; init; }
}

/// <summary>Where a training loop reports to.</summary>
public interface ITrainingObserver
{
    /// <summary>True once the job's time is up: the loop ends behind the block under way. Asked after each block, by the loop's thread.</summary>
    bool IsOver => false;

    /// <summary>An epoch is done and its pushes are acknowledged. The loop goes on when the answer is there.</summary>
    /// <param name="report">What was done.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False: end here.</returns>
    ValueTask<bool> EpochDoneAsync(EpochReport report, CancellationToken cancellationToken);
}
