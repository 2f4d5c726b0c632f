using System.Buffers.Binary;
using System.IO.Compression;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

public sealed class IdxReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("distsgd-idx-").FullName;

    [Fact]
    public void Open_ImagesWithLabelsBesideThem_GivesRowsInFractionsOf255()
    {
        foreach (string extension in new[] { "", ".gz" })
        {
            string images = Write($"train-images-idx3-ubyte{extension}", 0x08, [2, 2, 3], [0, 255, 51, 0, 0, 102, 1, 0, 0, 0, 0, 0]);
            Write($"train-labels-idx1-ubyte{extension}", 0x08, [2], [9, 4]);
            using Dataset data = Dataset.Open(images);
            Assert.Equal(2, data.RowCount);
            Assert.Equal(6, data.FeatureCount);
            Assert.Equal(new ImageSize(3, 2), data.Image);
            Assert.Equal([1u, 2u, 5u], data.Row(0).Indices.ToArray());
            Assert.Equal([1f, 0.2f, 0.4f], data.Row(0).Values.ToArray());
            Assert.Equal(9, data.Row(0).Label);
            Assert.Equal([0u], data.Row(1).Indices.ToArray());
            Assert.Equal(4, data.Row(1).Label);
            Assert.Equal(3, Dataset.OpenPartition(images, new Partition(0, 1), new ReadOptions { IndexBase = IndexBase.Zero }).Data.Row(0).Indices.Length);
        }
    }

    [Fact]
    public void Read_OtherTypes_KeepTheirValues()
    {
        var floats = new byte[8];
        BinaryPrimitives.WriteSingleBigEndian(floats, -1.5f);
        BinaryPrimitives.WriteSingleBigEndian(floats.AsSpan(4), 0.25f);
        string labels = Write("y", 0x08, [1], [7]);
        using (Dataset data = IdxReader.Read(Write("x", 0x0D, [1, 2], floats), labels))
            Assert.Equal([-1.5f, 0.25f], data.Row(0).Values.ToArray());
        using (Dataset data = IdxReader.Read(Write("x", 0x0B, [1, 2], [0xFF, 0xFE, 1, 0]), labels))
            Assert.Equal([-2f, 256f], data.Row(0).Values.ToArray());
    }

    [Fact]
    public void Read_WhatDoesNotFit_IsRefusedWithFileAndReason()
    {
        string labels = Write("labels", 0x08, [2], [1, 2]);
        Refused("ends within row 2", Write("short", 0x08, [2, 2, 2], [1, 2, 3, 4, 5]), labels);
        Refused("goes on behind", Write("long", 0x08, [2, 1, 1], [1, 2, 3]), labels);
        Refused("3 rows, but 2 labels", Write("three", 0x08, [3, 1, 1], [1, 2, 3]), labels);
        AssertRefused("before the last of its 2,147,483,647 labels", "many", () => IdxReader.Read(labels, Write("many", 0x0E, [int.MaxValue], [1, 2, 3])));
        Refused("one dimension", labels, labels);
        Refused("dimension 2 of the header is 0", Write("flat", 0x08, [2, 0, 4], []), labels);
        Refused("are not beside them", Write("alone-images-idx3-ubyte", 0x08, [2, 1, 1], [1, 2]), null);
        Refused("no such file", Path.Combine(_folder, "nowhere"), labels);
        string text = Path.Combine(_folder, "text");
        File.WriteAllText(text, "1 1:1\n");
        Refused("does not begin as IDX", text, labels);
        Assert.False(IdxReader.Recognizes(text));
    }

    [Fact]
    public void Read_GivenUp_EndsBetweenRows()
    {
        string labels = Write("labels", 0x08, [2], [1, 2]);
        // The second row is not there: whoever reads on has another complaint.
        string images = Write("images", 0x08, [2, 1, 1], [1]);
        using var given = new CancellationTokenSource();
        given.Cancel();
        Assert.Throws<OperationCanceledException>(() => IdxReader.Read(images, labels, given.Token));
        Assert.Throws<OperationCanceledException>(() => Dataset.Open(Named(images, labels), new ReadOptions { CancellationToken = given.Token }));
        Assert.Throws<OperationCanceledException>(() => Dataset.OpenPartition(Named(images, labels), new Partition(0, 1), new ReadOptions { IndexBase = IndexBase.Zero, CancellationToken = given.Token }));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Named(string images, string labels)
    {
        File.Copy(labels, Path.Combine(_folder, "x-labels-idx1-ubyte"), overwrite: true);
        File.Copy(images, Path.Combine(_folder, "x-images-idx3-ubyte"), overwrite: true);
        return Path.Combine(_folder, "x-images-idx3-ubyte");
    }

    private static void Refused(string why, string path, string? labels) => AssertRefused(why, path, () => IdxReader.Read(path, labels));

    private static void AssertRefused(string why, string path, Func<Dataset> read)
    {
        string message = Assert.Throws<DatasetException>(read).Message;
        Assert.Contains(why, message);
        Assert.Contains(path, message);
    }

    private string Write(string name, byte type, int[] dimensions, byte[] elements)
    {
        string path = Path.Combine(_folder, name);
        using Stream file = File.Create(path);
        using Stream stream = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        stream.Write([0, 0, type, (byte)dimensions.Length]);
        var word = new byte[4];
        foreach (int extent in dimensions)
        {
            BinaryPrimitives.WriteInt32BigEndian(word, extent);
            stream.Write(word);
        }
        stream.Write(elements);
        return path;
    }
}
