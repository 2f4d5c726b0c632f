namespace DistSgd.Shared.Exchange;

/// <summary>
/// A worker's way to the shards of one job: the seam between the training loop and every transport (direct memory, gRPC).
/// </summary>
public interface IParameterClient : IAsyncDisposable
{
    /// <summary>Number of shards of the job.</summary>
    int ShardCount { get; }

    /// <summary>Payload bytes (keys and values) pushed so far.</summary>
    long BytesPushed { get; }

    /// <summary>Payload bytes (values) pulled so far.</summary>
    long BytesPulled { get; }

    /// <summary>
    /// The values of all keys where they lie, if the job's only shard is memory of this process that can be read as it is; null: values must be pulled. Pushes of
    /// others change it while it is read; valid as long as the shard.
    /// </summary>
    ReadOnlyMemory<float>? ValuesInPlace => null;

    /// <summary>
    /// Pushes, then pulls, as the exchange says. A push goes to every shard, also to one where it has no keys, since each shard's clock of
    /// regularisation follows the pushes. Retried over broken connections until the client's deadline; the push's name keeps it applied once.
    /// </summary>
    /// <param name="exchange">What to do; its buffers must not be touched until the task is done. One call at a time per exchange object.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ParameterException">A shard refused, or could not be reached within the deadline; the message says which and why.</exception>
    ValueTask ExecuteAsync(ParameterExchange exchange, CancellationToken cancellationToken);
}
