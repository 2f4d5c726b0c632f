using System.Runtime.InteropServices;
using System.Text;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Tests.Data;

namespace DistSgd.Learning.Tests.Formats;

public sealed class SafetensorsTests
{
    [Fact]
    public void Written_ReadBack_IsTheSame()
    {
        using var file = new TempFile("");
        var writer = new SafetensorsWriter();
        float[] floats = [1, -2.5f, float.Epsilon];
        writer.AddTensor("f", TensorType.F32, [3], s => s.Write(MemoryMarshal.AsBytes<float>(floats)));
        writer.AddTensor("empty", TensorType.I64, [0, 4], _ => { });
        writer.AddTensor("d", TensorType.F64, [2, 1], s => s.Write(MemoryMarshal.AsBytes<double>([3, 4])));
        writer.AddMetadata("name", "a \"quoted\" é\n");
        writer.Save(file.Path);
        using var reader = new SafetensorsReader(file.Path);
        Assert.Equal("a \"quoted\" é\n", reader.Metadata["name"]);
        float[] back = new float[3];
        reader.Read<float>("f", 0, back);
        Assert.Equal(floats, back);
        double[] second = new double[1];
        reader.Read<double>("d", 1, second);
        Assert.Equal([4], second);
        Assert.Equal([2, 1], reader.Tensors["d"].Shape);
        byte[] bytes = File.ReadAllBytes(file.Path);
        Assert.Equal(0, (8 + BitConverter.ToInt64(bytes)) % 8);
        Assert.Empty(Directory.GetFiles(file.Folder, "*.tmp"));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", "overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "hole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "needs 12")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "truncated or damaged")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "truncated or damaged")]
    [InlineData("""{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}""", "F99")]
    [InlineData("""{"a":{"dtype":"0","shape":[2],"data_offsets":[0,8]}}""", "type 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "extent")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,4],"data_offsets":[0,8]}}""", "larger")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "data offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", "header is damaged")]
    [InlineData("""{"a":5}""", "header is damaged")]
    [InlineData("""[1,2]""", "not a JSON object")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "twice")]
    [InlineData("""{"a":""", "header is damaged")]
    public void Open_BadHeader_SaysWhatIsWrong(string header, string part)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        using var file = new TempFile([.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[8]]);
        var error = Assert.Throws<ModelFileException>(() => new SafetensorsReader(file.Path));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Model_SavedAndLoaded_IsTheSame()
    {
        using var file = new TempFile("");
        var model = Model();
        model.Save(file.Path);
        var back = ModelFile.Load(file.Path);
        Assert.Equal(model.Weights.ToArray(), back.Weights.ToArray());
        Assert.Equal(model.Bias.ToArray(), back.Bias.ToArray());
        Assert.Equal(model with { Parameters = default, Summary = back.Summary }, back with { Parameters = default });
        Assert.Equal("3", back.Summary["epochs"]);
    }

    [Fact]
    public void ModelOfClasses_SavedAndLoaded_IsTheSame()
    {
        using var file = new TempFile("");
        ModelFile model = Model() with
        {
            Spec = ModelSpec.Of(ModelKind.StructuredSvm, LossKind.Tree, 3) with { Costs = new CostMatrix([0, 1, 2, 1, 0, 3, 2, 3, 0]) },
            FeatureCount = 2,
            Parameters = new float[] { 1, -2, 0.1f, 4, 5, 6, 0.3f, 1, -1 },
            Labels = LabelMap.OfClasses([1, 2.5f, 26]),
        };
        model.Save(file.Path);
        ModelFile back = ModelFile.Load(file.Path);
        Assert.Equal((model.Labels, model.Spec, 2L), (back.Labels, back.Spec, back.FeatureCount));
        Assert.Equal(model.Weights.ToArray(), back.Weights.ToArray());
        Assert.Equal(model.Bias.ToArray(), back.Bias.ToArray());
    }

    [Fact]
    public void ModelOfLayers_SavedAndLoaded_IsTheSame_WithATensorForEachTable()
    {
        using var file = new TempFile("");
        foreach (string activation in (string[])["relu", "leaky-relu:0.2", "maxout:3"])
        {
            MlpSpec network = new MlpSpec { Layers = [5, 4], BatchNorm = activation != "relu", Dropout = 0.25f }.WithActivation(activation);
            ModelSpec spec = ModelSpec.Of(ModelKind.Mlp, LossKind.WestonWatkins, 3) with { Network = network };
            ModelFile model = Model() with
            {
                Spec = spec,
                FeatureCount = 7,
                Parameters = MlpStart.Draw(spec.Shape, 7, seed: 3),
                Labels = LabelMap.OfClasses([1, 2, 3]),
            };
            model.Save(file.Path);
            ModelFile back = ModelFile.Load(file.Path);
            Assert.Equal(model.Parameters.ToArray(), back.Parameters.ToArray());
            Assert.Equal(model with { Parameters = default, Summary = back.Summary }, back with { Parameters = default });
            using var reader = new SafetensorsReader(file.Path);
            Assert.Equal([5, 4L * network.Pieces], reader.Tensors["layer2.weights"].Shape);
        }
    }

    [Fact]
    public void ModelOfLayers_WhoseTensorsDontFitItsMetadata_IsRefusedByTensor()
    {
        using var file = new TempFile("");
        ModelSpec spec = ModelSpec.Of(ModelKind.Mlp, LossKind.Logistic) with { Network = new MlpSpec { Layers = [4] } };
        (Model() with { Spec = spec, FeatureCount = 3, Parameters = MlpStart.Draw(spec.Shape, 3, seed: 1) }).Save(file.Path);
        Rewrite(file.Path, "1");
        byte[] whole = File.ReadAllBytes(file.Path);
        string text = Encoding.Latin1.GetString(whole);
        foreach ((string from, string to, string part) in ((string, string, string)[])[("\"hidden\":\"4\"", "\"hidden\":\"3\"", "tensor layer1.weights is [3, 4]; expected [3, 3]"), ("\"hidden\":\"4\"", "\"hidden\":\"x\"", "no network")])
        {
            Assert.Contains(from, text, StringComparison.Ordinal);
            File.WriteAllBytes(file.Path, Encoding.Latin1.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));
            Assert.Contains(part, Assert.Throws<ModelFileException>(() => ModelFile.Load(file.Path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Model_CutAtEveryByte_IsRefused()
    {
        using var file = new TempFile("");
        Model().Save(file.Path);
        byte[] whole = File.ReadAllBytes(file.Path);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(file.Path, whole[..length]);
            Assert.Throws<ModelFileException>(() => ModelFile.Load(file.Path));
        }
    }

    [Fact]
    public void Model_AnyBitChanged_IsRefused_OrChangesNothingThatIsRead()
    {
        using var file = new TempFile("");
        Model().Save(file.Path);
        byte[] whole = File.ReadAllBytes(file.Path);
        ModelFile saved = ModelFile.Load(file.Path);
        int header = 8 + BitConverter.ToInt32(whole), refused = 0;
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] changed = [.. whole];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(file.Path, changed);
            try
            {
                ModelFile loaded = ModelFile.Load(file.Path);
                Assert.True(bit / 8 < header, $"bit {bit} of the tensors");
                Assert.Equal((saved.Parameters.ToArray(), saved.Spec, saved.Labels, saved.L2), (loaded.Parameters.ToArray(), loaded.Spec, loaded.Labels, loaded.L2));
            }
            catch (ModelFileException error)
            {
                Assert.Contains(file.Path, error.Message, StringComparison.Ordinal);
                refused++;
            }
        }
        Assert.True(refused > whole.Length * 8 * 0.95, $"{refused} of {whole.Length * 8}"); // the others are blanks between the header's tokens
        whole[^1] ^= 1;
        File.WriteAllBytes(file.Path, whole);
        Assert.Contains("the file is damaged: it isn't what its checksum was made of", Assert.Throws<ModelFileException>(() => ModelFile.Load(file.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Model_OfVersion1_WithoutAChecksum_IsRead_AndOneOfVersion2IsNot()
    {
        using var file = new TempFile("");
        Model().Save(file.Path);
        float[] parameters = ModelFile.Load(file.Path).Parameters.ToArray();
        Rewrite(file.Path, "1");
        Assert.Equal(parameters, ModelFile.Load(file.Path).Parameters.ToArray());
        Rewrite(file.Path, "2");
        Assert.Contains("lacks \"checksum\"", Assert.Throws<ModelFileException>(() => ModelFile.Load(file.Path)).Message, StringComparison.Ordinal);
        Rewrite(file.Path, "3");
        Assert.Contains("version 3", Assert.Throws<ModelFileException>(() => ModelFile.Load(file.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_RemovesWhatAKilledWriterLeft_ButNothingThatIsBeingWritten_OrIsAnothers()
    {
        using var file = new TempFile("old", "m.st");
        string Named(string name) => Path.Combine(file.Folder, name);
        string id = Guid.NewGuid().ToString("N");
        string[] stay = [Named($".m.st.9.{id}.tmp"), Named($".m.st.8.{id}.tmp"), Named($".m.9.{id}.tmp"), Named($".m.st.x.9.{id}.tmp"), Named(".m.st.tmp"), Named($"m.st.9.{id}.tmp")];
        string abandoned = Named($".m.st.7.{id}.tmp");
        foreach (string path in (string[])[abandoned, .. stay])
        {
            File.WriteAllText(path, "part");
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-5));
        }
        File.SetLastWriteTimeUtc(stay[0], DateTime.UtcNow); // just created
        using (new FileStream(stay[1], FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            AtomicFile.Write(file.Path, stream => stream.WriteByte(1));
        Assert.Equal([.. stay.Append(file.Path).Order(StringComparer.Ordinal)], Directory.GetFiles(file.Folder).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Save_WriterFails_KeepsTheOldFile()
    {
        using var file = new TempFile("old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(file.Path, s =>
        {
            s.WriteByte(1);
            throw new InvalidOperationException("no");
        }));
        Assert.Equal("old", File.ReadAllText(file.Path));
        Assert.Single(Directory.GetFiles(file.Folder));
    }

    [Fact]
    public void Load_OtherFiles_SaysWhatTheyAre()
    {
        Assert.Contains("no such file", Assert.Throws<ModelFileException>(() => ModelFile.Load("/nowhere/model")).Message, StringComparison.Ordinal);
        using var text = new TempFile("1 1:1 2:1 3:1\n");
        Assert.Contains("not a safetensors", Assert.Throws<ModelFileException>(() => ModelFile.Load(text.Path)).Message, StringComparison.Ordinal);
        var writer = new SafetensorsWriter();
        writer.AddTensor("x", TensorType.U8, [1], s => s.WriteByte(1));
        writer.Save(text.Path);
        Assert.Contains("not a model of distsgd", Assert.Throws<ModelFileException>(() => ModelFile.Load(text.Path)).Message, StringComparison.Ordinal);
    }

    // The same model with another version and without a checksum.
    private static void Rewrite(string path, string version)
    {
        var writer = new SafetensorsWriter();
        using (var reader = new SafetensorsReader(path))
        {
            foreach ((string name, string value) in reader.Metadata.Where(line => line.Key != "checksum")) writer.AddMetadata(name, name == "version" ? version : value);
            foreach (TensorEntry tensor in reader.Tensors.Values)
            {
                var bytes = new float[tensor.ElementCount];
                reader.Read<float>(tensor.Name, 0, bytes);
                writer.AddTensor(tensor.Name, tensor.Type, tensor.Shape, stream => stream.Write(MemoryMarshal.AsBytes<float>(bytes)));
            }
        }
        writer.Save(path);
    }

    private static ModelFile Model() => new()
    {
        Spec = ModelKind.Logistic,
        FeatureCount = 3,
        Parameters = new float[] { 1, -2, 0.1f, 0.3f },
        Labels = LabelMap.Binary(0, 1),
        IndexBase = IndexBase.One,
        L1 = 1e-7,
        L2 = 0.1,
        Optimizer = "sgd",
        Summary = new Dictionary<string, string>(StringComparer.Ordinal) { ["epochs"] = "3" },
    };
}
