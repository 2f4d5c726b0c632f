using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Reads all values of a job, in pieces of bounded size.</summary>
internal static class ParameterReader
{
    private const int PieceKeys = 4 << 20;

    public static async Task<float[]> ReadAsync(TrainingJob job, IParameterClient client, CancellationToken cancellationToken)
    {
        var values = new float[job.KeyCount];
        var exchange = new ParameterExchange(client.ShardCount) { PullPart = PullPart.Values };
        for (long first = 0; first < values.Length; first += PieceKeys)
        {
            int count = (int)Math.Min(PieceKeys, values.Length - first);
            exchange.PullKeys = KeySet.Range(first, count);
            exchange.Pulled = values.AsMemory((int)first, count);
            await client.ExecuteAsync(exchange, cancellationToken);
        }
        return values;
    }
}
