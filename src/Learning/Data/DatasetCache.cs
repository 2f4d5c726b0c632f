namespace DistSgd.Learning.Data;
internal static class DatasetCache { public static Dataset Open(string p, LibsvmOptions o, CacheOptions c) => LibsvmReader.Read(p,o); }
