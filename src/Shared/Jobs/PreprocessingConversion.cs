using System.Runtime.InteropServices;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Preprocessing;
using Google.Protobuf;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Jobs;

/// <summary>Between <see cref="RowPreprocessing"/> and its message. What comes from the wire is checked.</summary>
internal static class PreprocessingConversion
{
    public static V1.RowPreprocessing ToMessage(RowPreprocessing steps)
    {
        var message = new V1.RowPreprocessing { HashBits = (uint)steps.HashBits, HashSeed = steps.HashSeed, NormalizeRows = steps.Normalizes };
        if (steps.Whitening is not { } whitening)
            return message;
        message.WhiteningMean = ByteString.CopyFrom(MemoryMarshal.AsBytes(whitening.Mean));
        message.WhiteningMatrix = ByteString.CopyFrom(MemoryMarshal.AsBytes(whitening.Matrix));
        return message;
    }

    /// <exception cref="ArgumentException">A field is out of range; the message names it.</exception>
    public static RowPreprocessing ToPreprocessing(V1.RowPreprocessing? message)
    {
        if (message is null)
            return RowPreprocessing.None;
        JobConversion.Require(message.HashBits <= CsvOptions.HashBitsMax, $"preprocessing.hash_bits must be at most {CsvOptions.HashBitsMax}");
        return new RowPreprocessing
        {
            HashBits = (int)message.HashBits,
            HashSeed = message.HashSeed,
            Normalizes = message.NormalizeRows,
            Whitening = message.WhiteningMean.IsEmpty ? null : Whitening.From(Floats(message.WhiteningMean), Floats(message.WhiteningMatrix)),
        };
    }

    private static float[] Floats(ByteString bytes) => MemoryMarshal.Cast<byte, float>(bytes.Span).ToArray();
}
