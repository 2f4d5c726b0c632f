using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Reads all values of a job, or their averages if they are the model, in pieces of bounded size.</summary>
internal static class ParameterReader
{
    private const int PieceFloats = 4 << 20;

    public static async Task<float[]> ReadAsync(TrainingJob job, IParameterClient client, CancellationToken cancellationToken)
    {
        int width = job.Width;
        long keys = job.KeyCount;
        int pieceKeys = Math.Max(1, PieceFloats / width);
        var values = new float[checked(keys * width)];
        var exchange = new ParameterExchange(client.ShardCount) { PullPart = job.AverageFrom > 0 ? PullPart.Averages : PullPart.Values };
        for (long first = 0; first < keys; first += pieceKeys)
        {
            int count = (int)Math.Min(pieceKeys, keys - first);
            exchange.PullKeys = KeySet.Range(first, count);
            exchange.Pulled = values.AsMemory(checked((int)first * width), count * width);
            await client.ExecuteAsync(exchange, cancellationToken);
        }
        return values;
    }
}
