namespace DistSgd.Worker;

/// <summary>What a worker tells at the end of an epoch.</summary>
/// <param name="Partition">Its partition.</param>
/// <param name="EpochsDone">Finished epochs.</param>
/// <param name="Rows">Rows of the finished epoch.</param>
/// <param name="LossSum">Sum of the losses of these rows, each taken just before the row's step.</param>
public sealed record EpochReport(int Partition, int EpochsDone, long Rows, double LossSum);

/// <summary>Where a training loop reports to.</summary>
public interface ITrainingObserver
{
    /// <summary>An epoch is done and its pushes are acknowledged. The loop goes on when the answer is there.</summary>
    /// <param name="report">What was done.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False: end here.</returns>
    ValueTask<bool> EpochDoneAsync(EpochReport report, CancellationToken cancellationToken);
}
