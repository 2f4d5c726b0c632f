using System.Buffers.Binary;
using DistSgd.Kernels;

namespace DistSgd.Learning.Data;

/// <summary>
/// Reads IDX files, the format of MNIST and its family, plain or gzip: two zero bytes, a byte for the type of the elements, a byte for the number of
/// dimensions, the dimensions and the elements, all big-endian. The first dimension counts the rows. Bytes become fractions of 255; elements of other types stay as they are.
/// Zeros are not stored.
/// </summary>
public static class IdxReader
{
    private const int DimensionsMax = 8;
    private const long FeaturesMax = 1 << 26;
    private const int LabelsAtOnce = 1 << 13;

    /// <summary>Whether a file begins as IDX files do.</summary>
    /// <param name="path">Any file; one that cannot be read is not IDX.</param>
    public static bool Recognizes(string path)
    {
        if (FileStatus.Of(path) is { Kind: not FileKind.File }) return false;
        try
        {
            using Stream stream = OpenStream(path);
            Span<byte> start = stackalloc byte[4];
            return stream.ReadAtLeast(start, 4, throwOnEndOfStream: false) == 4 && start[0] == 0 && start[1] == 0 && ElementBytes(start[2]) > 0 && start[3] is > 0 and <= DimensionsMax;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return false;
        }
    }

    /// <summary>Reads rows and their labels.</summary>
    /// <param name="path">The rows, for example <c>train-images-idx3-ubyte.gz</c>.</param>
    /// <param name="labels">The labels, one dimension; null: the file beside it with <c>labels</c> for <c>images</c> and <c>idx1</c> for <c>idx3</c>.</param>
    /// <param name="cancellationToken">Gives up reading, between rows.</param>
    /// <exception cref="DatasetException">A file is missing, damaged or truncated, or the files don't have as many rows.</exception>
    /// <exception cref="OperationCanceledException">Reading was given up.</exception>
    public static Dataset Read(string path, string? labels = null, CancellationToken cancellationToken = default)
    {
        string labelPath = labels ?? LabelsBeside(path);
        float[] targets = ReadLabels(labelPath, cancellationToken);
        return Guard(path, () =>
        {
            using Stream stream = OpenStream(path);
            IdxHeader header = IdxHeader.Read(path, stream);
            if (header.Dimensions.Length == 1)
                throw new DatasetException(path, "this IDX file has one dimension, as files of labels have; expected rows of several elements.");
            if (header.Rows != targets.Length)
                throw new DatasetException(path, $"there are {header.Rows:N0} rows, but {targets.Length:N0} labels in {labelPath}; expected as many.");
            if (header.RowElements > FeaturesMax)
                throw new DatasetException(path, $"a row has {header.RowElements:N0} elements; expected at most {FeaturesMax:N0}.");
            using var rows = new DatasetBuilder
            {
                FeaturesMin = header.RowElements,
                Image = header.Dimensions.Length >= 3 ? new ImageSize(header.Dimensions[^1], header.Dimensions[^2]) : null,
            };
            ReadRows(path, stream, header, targets, rows, cancellationToken);
            return rows.Build();
        });
    }

    private static void ReadRows(string path, Stream stream, IdxHeader header, float[] targets, DatasetBuilder rows, CancellationToken cancellationToken)
    {
        var bytes = new byte[header.RowElements * ElementBytes(header.Type)];
        var (indices, values) = (new uint[header.RowElements], new float[header.RowElements]);
        for (int row = 0; row < targets.Length; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (read < bytes.Length)
                throw new DatasetException(path, $"the file ends within row {row + 1:N0}; its header says {header.Rows:N0} rows of {bytes.Length:N0} bytes.");
            int count = 0;
            for (int j = 0; j < indices.Length; j++)
            {
                float value = Element(header.Type, bytes, j);
                if (!float.IsFinite(value))
                    throw new DatasetException(path, $"element {j + 1:N0} of row {row + 1:N0} is {value}; expected a finite number.");
                (indices[count], values[count]) = ((uint)j, value);
                count += value == 0 ? 0 : 1;
            }
            rows.Add(targets[row], indices.AsSpan(0, count), values.AsSpan(0, count));
        }
        if (stream.ReadByte() >= 0)
            throw new DatasetException(path, $"the file goes on behind the last of its {header.Rows:N0} rows.");
    }

    private static float[] ReadLabels(string path, CancellationToken cancellationToken) => Guard(path, () =>
    {
        using Stream stream = OpenStream(path);
        IdxHeader header = IdxHeader.Read(path, stream);
        if (header.Dimensions.Length != 1)
            throw new DatasetException(path, $"this IDX file has {header.Dimensions.Length} dimensions; expected labels, in one.");
        // What the header says is believed piece by piece: a damaged one may promise more labels than memory holds.
        int size = ElementBytes(header.Type);
        var (labels, bytes) = (new List<float>(), new byte[LabelsAtOnce * size]);
        while (labels.Count < header.Rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = Math.Min(LabelsAtOnce, header.Rows - labels.Count);
            if (stream.ReadAtLeast(bytes.AsSpan(0, count * size), count * size, throwOnEndOfStream: false) < count * size)
                throw new DatasetException(path, $"the file ends before the last of its {header.Rows:N0} labels.");
            for (int i = 0; i < count; i++)
                labels.Add(header.Type == IdxHeader.Byte ? bytes[i] : Element(header.Type, bytes, i));
        }
        return labels.ToArray();
    });

    private static string LabelsBeside(string path)
    {
        string folder = Path.GetDirectoryName(path) ?? "";
        string name = Path.GetFileName(path).Replace("images", "labels").Replace("idx3", "idx1");
        string plain = name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name;
        string[] places = [Path.Combine(folder, name), Path.Combine(folder, plain), Path.Combine(folder, plain + ".gz")];
        return places.FirstOrDefault(place => File.Exists(place) && Path.GetFullPath(place) != Path.GetFullPath(path))
            ?? throw new DatasetException(path, $"the labels of these rows are not beside them: there is no {places[0]}. Name the files as MNIST does (…-images-idx3-ubyte, …-labels-idx1-ubyte), or give --labels.");
    }

    private static Stream OpenStream(string path)
    {
        SourceFile.RefuseOthers(path);
        bool isGzip;
        using (FileStream file = File.OpenRead(path))
            isGzip = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        return isGzip ? new BufferedStream(new WholeGzipStream(path), 1 << 16) : new BufferedStream(File.OpenRead(path), 1 << 16);
    }

    private static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DatasetException(path, "there is no such file.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new DatasetException(path, $"the file cannot be read: {error.Message}", error);
        }
    }

    private static float Element(byte type, byte[] bytes, int number) => type switch
    {
        IdxHeader.Byte => bytes[number] / 255f,
        0x09 => (sbyte)bytes[number],
        0x0B => BinaryPrimitives.ReadInt16BigEndian(bytes.AsSpan(2 * number)),
        0x0C => BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4 * number)),
        0x0D => BinaryPrimitives.ReadSingleBigEndian(bytes.AsSpan(4 * number)),
        _ => (float)BinaryPrimitives.ReadDoubleBigEndian(bytes.AsSpan(8 * number)),
    };

    private static int ElementBytes(byte type) => type switch
    {
        IdxHeader.Byte or 0x09 => 1,
        0x0B => 2,
        0x0C or 0x0D => 4,
        0x0E => 8,
        _ => 0,
    };

    /// <summary>What stands before the elements.</summary>
    private sealed record IdxHeader(byte Type, int[] Dimensions)
    {
        public const byte Byte = 0x08;

        public int Rows => Dimensions[0];

        /// <summary>Elements of a row; extents whose product overflows count as the most there can be.</summary>
        public int RowElements => (int)Dimensions.Skip(1).Aggregate(1L, (product, extent) => Math.Min(int.MaxValue, product * extent));

        public static IdxHeader Read(string path, Stream stream)
        {
            Span<byte> word = stackalloc byte[4];
            if (stream.ReadAtLeast(word, 4, throwOnEndOfStream: false) < 4 || word[0] != 0 || word[1] != 0 || ElementBytes(word[2]) == 0 || word[3] is 0 or > DimensionsMax)
                throw new DatasetException(path, "the file does not begin as IDX files do (two zero bytes, a type, a number of dimensions).");
            var (type, dimensions) = (word[2], new int[word[3]]);
            for (int i = 0; i < dimensions.Length; i++)
            {
                if (stream.ReadAtLeast(word, 4, throwOnEndOfStream: false) < 4)
                    throw new DatasetException(path, "the file ends within its header.");
                uint extent = BinaryPrimitives.ReadUInt32BigEndian(word);
                if (extent is 0 or > int.MaxValue)
                    throw new DatasetException(path, $"dimension {i + 1} of the header is {extent}; expected 1 to {int.MaxValue}.");
                dimensions[i] = (int)extent;
            }
            return new IdxHeader(type, dimensions);
        }
    }
}

/// <summary>The size of images.</summary>
/// <param name="Width">Pixels from left to right.</param>
/// <param name="Height">Pixels from top to bottom.</param>
public readonly record struct ImageSize(int Width, int Height);
