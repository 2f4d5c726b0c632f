using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Reads all parameters of a job in pieces of bounded size.</summary>
internal static class ParameterReader
{
    private const int PieceFloats = 4 << 20;

    /// <summary>The values, or their averages if they are the model.</summary>
    public static Task<float[]> ReadAsync(TrainingJob job, IParameterClient client, CancellationToken cancellationToken) =>
        ReadAsync(job, client, job.AverageFrom > 0 ? PullPart.Averages : PullPart.Values, job.Width, cancellationToken);

    /// <summary>Each key's whole state.</summary>
    public static Task<float[]> ReadStatesAsync(TrainingJob job, IParameterClient client, CancellationToken cancellationToken) =>
        ReadAsync(job, client, PullPart.State, job.KeyFloats.State, cancellationToken);

    private static async Task<float[]> ReadAsync(TrainingJob job, IParameterClient client, PullPart part, int floatsPerKey, CancellationToken cancellationToken)
    {
        long keys = job.KeyCount;
        int pieceKeys = Math.Max(1, PieceFloats / floatsPerKey);
        var floats = new float[checked(keys * floatsPerKey)];
        var exchange = new ParameterExchange(client.ShardCount) { PullPart = part };
        for (long first = 0; first < keys; first += pieceKeys)
        {
            int count = (int)Math.Min(pieceKeys, keys - first);
            exchange.PullKeys = KeySet.Range(first, count);
            exchange.Pulled = floats.AsMemory(checked((int)first * floatsPerKey), count * floatsPerKey);
            await client.ExecuteAsync(exchange, cancellationToken);
        }
        return floats;
    }
}
